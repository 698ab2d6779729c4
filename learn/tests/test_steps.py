"""Undo of all that is done in the review: answers, burying, suspending, notes."""

import pytest
from aioxide_learn import clock
from aioxide_learn.store import cards, notes, reviews, steps
from aioxide_learn.store.cards import Filter, NoSuchCard
from conftest import NOON


@pytest.fixture
def undo(filled):
    def undo():
        undone = filled.write(steps.undo, filled.folder, NOON)
        return None if undone is None else (undone[0].kind, undone[1].key)

    return undo


def answer(database, grade=3):
    card, _ = database.read(reviews.next_card, Filter(), NOON)
    database.write(reviews.answer, card.id, card.version, grade, NOON, NOON)
    return card.id


def test_steps_are_taken_back_in_the_order_in_which_they_were_done(filled, undo):
    answer(filled)  # of c0
    filled.write(steps.bury, 2, NOON)
    answer(filled)  # of c2
    filled.write(steps.suspend, 1)
    filled.write(steps.write_note, 3, "mine", NOON)
    done = [undo() for _ in range(5)]
    assert done == [
        ("note", "c2"),
        ("suspend", "c0"),
        ("answer", "c2"),
        ("bury", "c1"),
        ("answer", "c0"),
    ]
    assert undo() is None and filled.read(steps.last) is None
    assert all(filled.read(cards.get, number).memory.answers == 0 for number in (1, 2, 3))


def test_an_answer_after_an_undone_one_comes_after_the_steps_between(filled, undo):
    answer(filled, 5)
    undo()
    filled.write(steps.bury, 2, NOON)
    answer(filled, 5)
    assert [undo() for _ in range(3)] == [("answer", "c0"), ("bury", "c1"), None]


def test_a_buried_card_is_asked_today_again(filled, undo):
    filled.write(steps.bury, 1, NOON)
    assert filled.read(cards.get, 1).buried_day == clock.day_of(NOON)
    assert undo() == ("bury", "c0")
    assert filled.read(reviews.next_card, Filter(), NOON)[0].id == 1


def test_a_card_that_was_buried_before_stays_so(filled, undo):
    filled.write(cards.bury, 1, clock.day_of(NOON) + 3)
    filled.write(steps.bury, 1, NOON)
    undo()
    assert filled.read(cards.get, 1).buried_day == clock.day_of(NOON) + 3


def test_a_suspended_card_is_asked_again(filled, undo):
    filled.write(steps.suspend, 1)
    assert filled.read(reviews.next_card, Filter(), NOON)[0].id == 2
    assert undo() == ("suspend", "c0")
    assert filled.read(reviews.next_card, Filter(), NOON)[0].id == 1


def test_what_is_typed_into_a_note_at_once_is_one_step(filled, undo):
    ref = filled.read(cards.get, 1).ref
    filled.write(steps.write_note, 1, "before", NOON)
    answer(filled)
    for text in ("b", "be", "better"):
        filled.write(steps.write_note, 1, text, NOON)
    assert undo() == ("note", "c0")
    assert filled.read(notes.get, "card", ref) == "before"
    assert "before" in (filled.folder / notes.FILE).read_text()
    assert undo() == ("answer", "c0")
    assert undo() == ("note", "c0")
    assert filled.read(notes.get, "card", ref) == ""


def test_a_step_makes_the_card_as_it_was_shown_stale(filled, undo):
    card, _ = filled.read(reviews.next_card, Filter(), NOON)
    filled.write(steps.bury, card.id, NOON)
    undo()
    with pytest.raises(reviews.Stale):
        filled.write(reviews.answer, card.id, card.version, 3, NOON, NOON)


def test_old_steps_are_forgotten(filled, monkeypatch):
    monkeypatch.setattr(steps, "KEPT", 3)
    for _ in range(5):
        filled.write(steps.bury, 1, NOON)
    count = filled.read(lambda it: it.execute("SELECT count(*) FROM step").fetchone()[0])
    assert count == 3


def test_a_step_of_a_card_that_is_not_there_leaves_nothing(filled, undo):
    with pytest.raises(NoSuchCard):
        filled.write(steps.bury, 99, NOON)
    assert undo() is None


def test_cram_answers_are_taken_back(filled):
    session, _ = filled.write(reviews.start_cram, Filter())
    first = filled.read(reviews.cram_card, session)
    filled.write(reviews.cram_answer, session, first.id, 1)  # it comes again at the end
    second = filled.read(reviews.cram_card, session)
    filled.write(reviews.cram_answer, session, second.id, 5)
    assert filled.read(reviews.cram_left, session) == 2
    assert filled.write(reviews.cram_undo, session).id == second.id
    assert filled.read(reviews.cram_card, session).id == second.id
    assert filled.write(reviews.cram_undo, session).id == first.id
    assert filled.read(reviews.cram_left, session) == 3
    assert not filled.read(reviews.cram_answered, session)
    assert filled.write(reviews.cram_undo, session) is None
