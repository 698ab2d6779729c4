"""When a card is asked next: FSRS, the scale of five grades, and a fuzz that is known beforehand.

A learner grades an answer from 1 to 5; FSRS knows four ratings:

===== ============ ======= ==================================================
grade label        rating  meaning
===== ============ ======= ==================================================
1     Not at all   Again   the answer was not there: the card counts as failed
2     Barely       Hard    it came, after a long search or with a doubt
3     With effort  Good    it came after some thought
4     Well         Good    it came at once
5     Perfectly    Easy    it came at once, and so would a harder question
===== ============ ======= ==================================================

3 and 4 share a rating: FSRS is fitted to its four, and a rating between two of them would have no
parameters. The grade itself is kept in the log, so another mapping can be applied to it later.

Times are milliseconds since 1970 in UTC, intervals milliseconds.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import fsrs
from fsrs.scheduler import FUZZ_RANGES

MINUTE = 60_000
DAY = 86_400_000

NEW, LEARNING, REVIEW, RELEARNING = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class Grade:
    """One of the five answers to "How well did you know this?"."""

    number: int
    label: str
    rating: fsrs.Rating


GRADES = {
    grade.number: grade
    for grade in (
        Grade(1, "Not at all", fsrs.Rating.Again),
        Grade(2, "Barely", fsrs.Rating.Hard),
        Grade(3, "With effort", fsrs.Rating.Good),
        Grade(4, "Well", fsrs.Rating.Good),
        Grade(5, "Perfectly", fsrs.Rating.Easy),
    )
}


@dataclass(frozen=True, slots=True)
class Memory:
    """What is known of how well a card sits: a function of the answers given to it.

    Attributes:
        state: `NEW`, `LEARNING`, `REVIEW` or `RELEARNING`.
        step: the place among the (re)learning steps; None in the other states.
        stability: days after which the card is recalled with a probability of 90 %.
        difficulty: 1 (easy) to 10, of FSRS; not the author's difficulty of the card.
        due: when to ask next; 0 for a new card.
        last: when it was answered last; None for a new card.
        answers: how many answers it has had.
        lapses: how often a card in review was failed.
    """

    state: int = NEW
    step: int | None = None
    stability: float | None = None
    difficulty: float | None = None
    due: int = 0
    last: int | None = None
    answers: int = 0
    lapses: int = 0


class Schedule:
    """FSRS with a target for the share of answers that are to be recalled.

    Args:
        retention: the target, 0.7 to 0.99.
        maximum_days: no interval is longer than this.

    Raises:
        ValueError: one of the two is out of its range.
    """

    def __init__(self, retention: float = 0.9, maximum_days: int = 3650) -> None:
        if not 0.7 <= retention <= 0.99:
            raise ValueError(f"retention must be 0.7 to 0.99, got {retention}")
        if not 1 <= maximum_days <= 36_500:
            raise ValueError(f"the longest interval must be 1 to 36500 days, got {maximum_days}")
        self.retention = retention
        self.maximum_days = maximum_days
        # Its own fuzz draws from the global source of randomness: what was shown would not be
        # what is applied.
        self._fsrs = fsrs.Scheduler(
            desired_retention=retention, maximum_interval=maximum_days, enable_fuzzing=False
        )

    def answer(self, card: int, memory: Memory, grade: int, shown: int, at: int) -> Memory:
        """Return what an answer makes of a memory.

        The interval is that of :meth:`intervals` at ``shown``, whatever the time until ``at``.

        Args:
            card: the number of the card, which seeds the fuzz.
            memory: the memory before the answer.
            grade: 1 to 5.
            shown: when the card was shown.
            at: when it was answered; the interval begins there.

        Raises:
            ValueError: there is no such grade.
        """
        if grade not in GRADES:
            raise ValueError(f"a grade is 1 to 5, got {grade!r}")
        rated, _ = self._fsrs.review_card(
            _to_fsrs(card, memory), GRADES[grade].rating, _to_datetime(shown)
        )
        assert rated.last_review is not None
        interval = (rated.due - rated.last_review) // timedelta(milliseconds=1)
        if rated.state == fsrs.State.Review:
            days = fuzzed(interval // DAY, f"{card}:{memory.answers}", self.maximum_days)
            interval = days * DAY
        failed = memory.state == REVIEW and GRADES[grade].rating == fsrs.Rating.Again
        return Memory(
            state=int(rated.state),
            step=rated.step,
            stability=rated.stability,
            difficulty=rated.difficulty,
            due=at + interval,
            last=shown,
            answers=memory.answers + 1,
            lapses=memory.lapses + failed,
        )

    def intervals(self, card: int, memory: Memory, shown: int) -> dict[int, int]:
        """Return the interval that each grade would give to a card shown now."""
        return {
            grade: self.answer(card, memory, grade, shown, shown).due - shown for grade in GRADES
        }

    def replay(self, card: int, answers: Iterable[tuple[int, int, int]]) -> Memory:
        """Return the memory after answers ``(grade, shown, at)``, the oldest first."""
        memory = Memory()
        for grade, shown, at in answers:
            memory = self.answer(card, memory, grade, shown, at)
        return memory

    def retrievability(self, memory: Memory, at: int) -> float:
        """Return the probability, 0 to 1, that the card is recalled at a time; 0 for a new one."""
        return float(self._fsrs.get_card_retrievability(_to_fsrs(0, memory), _to_datetime(at)))


def fuzzed(days: int, seed: str, maximum: int) -> int:
    """Return an interval moved a little, so that cards learned together part.

    The ranges are those of FSRS. The draw depends on ``seed`` alone: an interval that is longer
    before is never shorter afterwards, and a repeated call returns the same.

    Args:
        days: the interval.
        seed: what the draw depends on.
        maximum: what is not exceeded.
    """
    if days < 2.5:
        return days
    delta = 1.0 + sum(
        each["factor"] * max(min(days, each["end"]) - each["start"], 0.0) for each in FUZZ_RANGES
    )
    low, high = max(2, round(days - delta)), min(round(days + delta), maximum)
    # random.Random(str) hashes the text by SHA-512: the same in every process.
    return low + int(random.Random(seed).random() * (high - low + 1)) if high > low else high


def as_text(interval: int) -> str:
    """Return an interval for people: ``10 min``, ``3 h``, ``12 d``, ``5 mo``, ``1.5 y``."""
    minutes = interval / MINUTE
    if minutes < 1:
        return "< 1 min"
    if minutes < 60:
        return f"{minutes:.0f} min"
    if minutes < 24 * 60:
        return f"{minutes / 60:.0f} h"
    days = interval / DAY
    if days < 31:
        return f"{days:.0f} d"
    if days < 365:
        return f"{days / 30.4:.0f} mo"
    return f"{days / 365:.1f} y"


def _to_fsrs(card: int, memory: Memory) -> fsrs.Card:
    if memory.state == NEW:
        return fsrs.Card(card_id=card)
    return fsrs.Card(
        card_id=card,
        state=fsrs.State(memory.state),
        step=memory.step,
        stability=memory.stability,
        difficulty=memory.difficulty,
        due=_to_datetime(memory.due),
        last_review=None if memory.last is None else _to_datetime(memory.last),
    )


def _to_datetime(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
