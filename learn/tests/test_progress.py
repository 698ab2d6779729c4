"""What progress is told from cards and log."""

from aioxide_learn import clock
from aioxide_learn.scheduling import DAY, Schedule
from aioxide_learn.store import cards, decks, progress, reviews
from conftest import NOON, make_deck


def answer(database, number, grade, at):
    card = database.read(cards.get, number)
    database.write(reviews.answer, number, card.version, grade, at, at)


def test_cards_are_new_then_learning_then_known(filled):
    assert filled.read(progress.by_deck) == [progress.Part("Tasks", 3, 0, 0)]
    answer(filled, 1, 3, NOON)
    assert filled.read(progress.by_deck) == [progress.Part("Tasks", 2, 1, 0)]
    at = NOON
    while filled.read(cards.get, 1).state != "known":
        at = max(at + DAY, filled.read(cards.get, 1).memory.due)
        answer(filled, 1, 5, at)
    assert filled.read(progress.by_deck) == [progress.Part("Tasks", 2, 0, 1)]
    assert filled.read(progress.by_chapter) == {"tasks": progress.Part("tasks", 2, 0, 1)}


def test_the_forecast_counts_what_is_due_on_each_day(filled):
    answer(filled, 1, 5, NOON)
    answer(filled, 2, 1, NOON)
    due = filled.read(cards.get, 1).memory.due
    ahead = filled.read(progress.forecast, NOON)
    assert len(ahead) == 30 and sum(ahead) == 2
    assert ahead[0] == 1 and ahead[clock.day_of(due) - clock.day_of(NOON)] == 1
    assert filled.read(progress.forecast, due + 3 * DAY)[0] == 2


def test_retention_counts_answers_to_cards_in_review(filled):
    for number, grade in ((1, 5), (2, 1), (3, 2)):
        answer(filled, number, 5, NOON)
        answer(filled, number, grade, NOON + 10 * DAY)
    weeks = filled.read(progress.retention, NOON + 10 * DAY)
    assert len(weeks) == 12
    assert (weeks[-1].answers, weeks[-1].recalled) == (3, 2)
    assert weeks[-2].share is None
    filled.write(reviews.undo, NOON + 10 * DAY)
    assert filled.read(progress.retention, NOON + 10 * DAY)[-1].answers == 2


def test_a_streak_ends_with_a_day_without_an_answer(filled):
    assert filled.read(progress.streak, NOON) == progress.Streak(0, 0)
    for day in (0, 1, 2, 5, 6):
        answer(filled, 1, 3, NOON + day * DAY)
    assert filled.read(progress.streak, NOON + 6 * DAY) == progress.Streak(2, 3)
    assert filled.read(progress.streak, NOON + 7 * DAY) == progress.Streak(2, 3)
    assert filled.read(progress.streak, NOON + 8 * DAY) == progress.Streak(0, 3)


def test_answers_are_counted_by_day(filled):
    answer(filled, 1, 3, NOON)
    answer(filled, 2, 3, NOON)
    answer(filled, 1, 3, NOON + DAY)
    assert filled.read(progress.answers_by_day, NOON + DAY)[-2:] == [2, 1]


def test_the_hardest_cards_are_those_forgotten_most(filled):
    for number, lapses in ((1, 1), (2, 3)):
        at = NOON
        answer(filled, number, 5, at)
        for _ in range(lapses):
            at += 30 * DAY
            answer(filled, number, 1, at)
            answer(filled, number, 5, at + DAY)
    assert [card.id for card in filled.read(progress.hardest)] == [2, 1]


def test_a_removed_deck_is_no_part_of_the_progress(filled):
    filled.write(decks.bring_in, [make_deck("Other", 1)])
    filled.write(decks.remove, 1)
    assert [part.name for part in filled.read(progress.by_deck)] == ["Other"]
    assert filled.read(progress.by_chapter)["tasks"].total == 1


def test_a_day_begins_at_four_in_the_morning():
    day = clock.day_of(NOON)
    begins = clock.beginning_of(day)
    assert clock.day_of(begins) == day and clock.day_of(begins - 1) == day - 1


def test_a_schedule_knows_how_likely_a_card_is_recalled():
    schedule = Schedule()
    memory = schedule.replay(1, [(5, NOON, NOON)])
    assert 0.85 < schedule.retrievability(memory, memory.due) < 0.95
