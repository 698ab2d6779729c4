"""The queue, the log, undo, rescheduling, limits and cramming."""

import sqlite3
from dataclasses import replace

import pytest
from aioxide_learn import clock
from aioxide_learn.scheduling import DAY, MINUTE, NEW, Memory
from aioxide_learn.store import cards, decks, reviews, settings
from aioxide_learn.store.cards import Filter
from aioxide_learn.store.database import Database, DatabaseError
from conftest import NOON, make_deck

ALL = Filter()


def ask(database, now=NOON, wanted=ALL):
    return database.read(reviews.next_card, wanted, now)


def answer(database, grade, now=NOON, wanted=ALL):
    card, intervals = ask(database, now, wanted)
    done = database.write(reviews.answer, card.id, card.version, grade, now, now)
    assert done.interval == intervals[grade]
    return card


def test_new_cards_come_in_the_order_of_the_deck(filled):
    assert [answer(filled, 5).key for _ in range(3)] == ["c0", "c1", "c2"]
    assert ask(filled) is None


def test_what_is_in_learning_and_due_comes_before_new_cards(filled):
    first = answer(filled, 1)
    assert ask(filled)[0].key == "c1"
    assert ask(filled, NOON + 2 * MINUTE)[0].id == first.id


def test_a_card_in_learning_is_asked_early_when_nothing_else_is_left(filled):
    answer(filled, 3)
    answer(filled, 5)
    answer(filled, 5)
    assert ask(filled)[0].key == "c0"


def test_a_card_is_due_for_the_whole_of_its_day(filled):
    card = answer(filled, 5)
    due = filled.read(cards.get, card.id).memory.due
    morning = clock.beginning_of(clock.day_of(due))
    filled.write(settings.save, {"new_limit": "0"})
    assert ask(filled, morning - 1) is None
    assert ask(filled, morning)[0].id == card.id


def test_the_limits_of_a_day_hold_and_end_with_the_day(filled):
    filled.write(settings.save, {"new_limit": "1"})
    answer(filled, 5)
    assert ask(filled) is None
    assert filled.read(reviews.counts, ALL, NOON) == reviews.Counts(0, 0, 0)
    assert ask(filled, NOON + DAY)[0].key == "c1"


def test_the_limit_of_reviews(filled):
    answer(filled, 5)
    answer(filled, 5)
    filled.write(settings.save, {"new_limit": "0", "review_limit": "1"})
    later = NOON + 30 * DAY
    assert filled.read(reviews.counts, ALL, later).due == 1
    answer(filled, 5, later)
    assert ask(filled, later) is None


def test_an_undone_answer_does_not_count_against_the_limit(filled):
    filled.write(settings.save, {"new_limit": "1"})
    answer(filled, 5)
    filled.write(reviews.undo, NOON)
    assert ask(filled)[0].key == "c0"


def test_undo_restores_the_card_as_it_was(filled):
    before = ask(filled)[0]
    for grade in (3, 1, 3):
        answer(filled, grade, NOON + grade * MINUTE)
    memories = [filled.read(cards.get, before.id).memory]
    card = filled.read(cards.get, before.id)
    later = card.memory.due
    filled.write(reviews.answer, card.id, card.version, 3, later, later)
    back = filled.write(reviews.undo, later)
    assert back.id == card.id and back.memory == memories[0]
    for _ in range(3):
        filled.write(reviews.undo, later)
    assert filled.read(cards.get, before.id).memory == Memory()
    assert filled.write(reviews.undo, later) is None


def test_undo_leaves_the_log_as_it_is(filled):
    card = answer(filled, 3)
    filled.write(reviews.undo, NOON)
    assert [(row["grade"], row["undone"]) for row in filled.read(reviews.history, card.id)] == [
        (3, 1)
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM review",
        "UPDATE review SET grade = 5",
        "DELETE FROM undo",
        "UPDATE undo SET at = 0",
    ],
)
def test_the_log_cannot_be_changed(filled, statement):
    answer(filled, 3)
    filled.write(reviews.undo, NOON)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        filled.write(lambda connection: connection.execute(statement))


def test_the_stored_memory_is_what_the_log_makes_of_it(filled):
    now = NOON
    for step in range(200):
        found = ask(filled, now)
        if found is None:
            now += DAY
            continue
        card, _ = found
        filled.write(reviews.answer, card.id, card.version, 1 + step % 4, now, now + 3000)
        if step % 7 == 0:
            filled.write(reviews.undo, now)
        now += 11 * MINUTE
    for number in (1, 2, 3):
        stored = filled.read(cards.get, number).memory
        assert stored.answers > 3
        assert filled.read(reviews.memory_from_log, number) == stored


def test_rescheduling_applies_another_target_to_the_whole_log(filled):
    for _ in range(3):
        answer(filled, 5)
    before = [filled.read(cards.get, number).memory for number in (1, 2, 3)]
    filled.write(settings.save, {"retention": "97"})
    after = 0
    while after is not None:
        after = filled.write(reviews.reschedule, after, 2)
    for number, old in zip((1, 2, 3), before, strict=True):
        new = filled.read(cards.get, number).memory
        assert new.due < old.due and new == replace(old, due=new.due)
    filled.write(settings.save, {"retention": "90"})
    assert filled.write(reviews.reschedule) is None
    assert [filled.read(cards.get, number).memory for number in (1, 2, 3)] == before


def test_the_same_card_in_two_windows_is_answered_once(filled):
    card, _ = ask(filled)
    filled.write(reviews.answer, card.id, card.version, 3, NOON, NOON)
    with pytest.raises(reviews.Stale, match="elsewhere"):
        filled.write(reviews.answer, card.id, card.version, 3, NOON, NOON)
    assert len(filled.read(reviews.history, card.id)) == 1


@pytest.mark.parametrize("shown", [NOON - 61 * MINUTE, NOON + 1])
def test_a_card_that_was_not_shown_lately_is_shown_again(filled, shown):
    card, _ = ask(filled)
    with pytest.raises(reviews.Stale):
        filled.write(reviews.answer, card.id, card.version, 3, shown, NOON)


def test_a_buried_card_comes_back_the_next_day(filled):
    card, _ = ask(filled)
    filled.write(cards.bury, card.id, clock.day_of(NOON))
    assert ask(filled)[0].key == "c1"
    assert ask(filled, NOON + DAY)[0].key == "c0"


def test_a_suspended_card_comes_back_when_it_is_resumed(filled):
    card, _ = ask(filled)
    filled.write(cards.suspend, card.id, True)
    assert ask(filled, NOON + DAY)[0].key == "c1"
    filled.write(cards.suspend, card.id, False)
    assert ask(filled)[0].key == "c0"


@pytest.mark.parametrize(
    ("wanted", "keys"),
    [
        (Filter(deck=1), {"c0", "c1", "c2"}),
        (Filter(deck=2), {"c0"}),
        (Filter(tag="t2"), {"c2"}),
        (Filter(difficulty=2), {"c1"}),
        (Filter(chapter="tasks"), {"c0", "c1", "c2"}),
        (Filter(chapter="task"), set()),
        (Filter(text="QUESTION 1"), {"c1"}),
        (Filter(text="100%"), set()),
        (Filter(state="new"), {"c0", "c1", "c2"}),
        (Filter(state="known"), set()),
        (Filter(tag="tasks", difficulty=3), {"c2"}),
    ],
)
def test_a_filter_restricts_search_and_review(filled, wanted, keys):
    filled.write(decks.bring_in, [make_deck("Other", 1)])
    found, total = filled.read(cards.find, wanted)
    assert {card.key for card in found} == keys
    assert total == len(found)
    asked = set()
    while (next_one := ask(filled, wanted=wanted)) is not None:
        asked.add(next_one[0].key)
        answer(filled, 5, wanted=wanted)
    assert asked == keys


def test_cramming_leaves_schedule_and_log_alone(filled):
    session, count = filled.write(reviews.start_cram, ALL)
    assert count == 3
    before = [filled.read(cards.get, number) for number in (1, 2, 3)]
    asked = []
    while (card := filled.read(reviews.cram_card, session)) is not None:
        asked.append(card.id)
        filled.write(reviews.cram_answer, session, card.id, 2 if len(asked) == 1 else 4)
    assert len(asked) == 4 and asked[0] == asked[3] and set(asked) == {1, 2, 3}
    assert [filled.read(cards.get, number) for number in (1, 2, 3)] == before
    assert filled.read(reviews.last_answer) is None


def test_a_cram_answer_to_another_card_is_refused(filled):
    session, _ = filled.write(reviews.start_cram, ALL)
    card = filled.read(reviews.cram_card, session)
    filled.write(reviews.cram_answer, session, card.id, 4)
    with pytest.raises(reviews.Stale):
        filled.write(reviews.cram_answer, session, card.id, 4)


def test_a_card_that_does_not_exist_is_named(filled):
    with pytest.raises(cards.NoSuchCard, match="there is no card 99"):
        filled.write(reviews.answer, 99, 0, 3, NOON, NOON)


def test_a_failed_transaction_writes_nothing(filled):
    def half(connection):
        connection.execute("UPDATE card SET state = 2")
        raise KeyError("stop")

    with pytest.raises(KeyError):
        filled.write(half)
    assert filled.read(cards.get, 1).memory.state == NEW


def test_a_file_of_a_newer_version_is_refused(tmp_path):
    Database(tmp_path).close()
    connection = sqlite3.connect(tmp_path / "learn.sqlite3")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(DatabaseError, match=r"newer aioxide-learn \(schema 99"):
        Database(tmp_path)


def test_a_file_that_is_no_database_is_named(tmp_path):
    (tmp_path / "learn.sqlite3").write_text("hello " * 1000)
    with pytest.raises(DatabaseError, match=r"learn.sqlite3: file is not a database"):
        Database(tmp_path)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"new_limit": "x"}, "new_limit must be a whole number, got 'x'"),
        ({"retention": "100"}, "retention must be 70 to 99, got 100"),
        ({"colour": "1"}, "there is no setting 'colour'"),
    ],
)
def test_a_wrong_setting_is_named_and_nothing_changes(database, values, text):
    with pytest.raises(settings.SettingError, match=text):
        database.write(settings.save, {"maximum_days": "10", **values})
    assert database.read(settings.load) == settings.Settings()
