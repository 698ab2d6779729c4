"""The scale of five grades, the fuzz, and that a log always makes the same memory."""

import random

import fsrs
import pytest
from aioxide_learn.scheduling import (
    DAY,
    GRADES,
    MINUTE,
    REVIEW,
    Memory,
    Schedule,
    as_text,
    fuzzed,
)

T0 = 1_800_000_000_000


def in_review(schedule, card=1):
    """A memory after two good answers, and when it is due."""
    memory = schedule.replay(card, [(3, T0, T0), (3, T0 + 10 * MINUTE, T0 + 10 * MINUTE)])
    assert memory.state == REVIEW
    return memory


def test_five_grades_map_to_four_ratings():
    assert {number: grade.rating.name for number, grade in GRADES.items()} == {
        1: "Again",
        2: "Hard",
        3: "Good",
        4: "Good",
        5: "Easy",
    }


@pytest.mark.parametrize("grade", GRADES)
def test_a_grade_does_what_fsrs_does_with_its_rating(grade):
    ours = Schedule().answer(1, Memory(), grade, T0, T0)
    theirs, _ = fsrs.Scheduler(enable_fuzzing=False).review_card(
        fsrs.Card(card_id=1), GRADES[grade].rating
    )
    assert (ours.state, ours.step) == (theirs.state, theirs.step)
    assert (ours.stability, ours.difficulty) == (theirs.stability, theirs.difficulty)


@pytest.mark.parametrize("grade", [0, 6, -1])
def test_another_grade_is_refused(grade):
    with pytest.raises(ValueError, match=f"a grade is 1 to 5, got {grade}"):
        Schedule().answer(1, Memory(), grade, T0, T0)


def test_the_interval_shown_is_the_one_applied_however_long_the_answer_takes():
    schedule = Schedule()
    for card in range(1, 200):
        memory = in_review(schedule, card)
        shown = memory.due
        for grade, interval in schedule.intervals(card, memory, shown).items():
            at = shown + 59 * MINUTE
            assert schedule.answer(card, memory, grade, shown, at).due == at + interval


def test_the_fuzz_does_not_depend_on_the_global_randomness():
    schedule = Schedule()
    memory = in_review(schedule)
    random.seed(1)
    first = schedule.intervals(1, memory, memory.due)
    before = random.getstate()
    assert schedule.intervals(1, memory, memory.due) == first
    assert random.getstate() == before


def test_the_fuzz_parts_cards_that_were_learned_together():
    schedule = Schedule()
    intervals = set()
    for card in range(100):
        memory = schedule.answer(card, Memory(), 5, T0, T0)
        intervals.add((memory.due - T0) // DAY)
    assert len(intervals) > 2
    assert all(6 <= days <= 11 for days in intervals)


def test_a_better_grade_is_never_asked_earlier():
    schedule = Schedule()
    for card in range(300):
        memory = in_review(schedule, card)
        intervals = schedule.intervals(card, memory, memory.due)
        assert sorted(intervals.values()) == list(intervals.values())


@pytest.mark.parametrize("days", [1, 2])
def test_short_intervals_are_not_fuzzed(days):
    assert {fuzzed(days, str(seed), 3650) for seed in range(50)} == {days}


def test_a_fuzzed_interval_stays_within_its_range_and_the_maximum():
    drawn = {fuzzed(100, str(seed), 104) for seed in range(500)}
    assert min(drawn) >= 100 - 8 and max(drawn) == 104
    assert len(drawn) > 5


def test_a_lapse_is_a_failed_review_and_no_failed_first_try():
    schedule = Schedule()
    assert schedule.answer(1, Memory(), 1, T0, T0).lapses == 0
    memory = in_review(schedule)
    assert schedule.answer(1, memory, 1, memory.due, memory.due).lapses == 1


def test_a_higher_target_asks_earlier():
    due = [in_review(Schedule(retention)).due for retention in (0.97, 0.9, 0.8)]
    assert due == sorted(due) and len(set(due)) == 3


def test_retrievability_falls_with_time():
    schedule = Schedule()
    memory = in_review(schedule)
    values = [schedule.retrievability(memory, T0 + days * DAY) for days in (1, 5, 50)]
    assert 1 >= values[0] > values[1] > values[2] > 0
    assert schedule.retrievability(Memory(), T0) == 0


@pytest.mark.parametrize(
    ("arguments", "text"), [((0.5,), "0.7 to 0.99, got 0.5"), ((0.9, 0), "36500 days, got 0")]
)
def test_a_setting_out_of_range_is_refused(arguments, text):
    with pytest.raises(ValueError, match=text):
        Schedule(*arguments)


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (30_000, "< 1 min"),
        (10 * MINUTE, "10 min"),
        (5 * 60 * MINUTE, "5 h"),
        (12 * DAY, "12 d"),
        (90 * DAY, "3 mo"),
        (548 * DAY, "1.5 y"),
    ],
)
def test_an_interval_as_text(interval, text):
    assert as_text(interval) == text
