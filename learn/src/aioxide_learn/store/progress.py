"""What the log and the cards say about the learner's progress."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from aioxide_learn import clock
from aioxide_learn.scheduling import DAY, REVIEW
from aioxide_learn.store.cards import COLUMNS, KNOWN_DAYS, TABLES, Card, from_row

FORECAST_DAYS = 30
WEEKS = 12


@dataclass(frozen=True, slots=True)
class Part:
    """How many cards of a deck or chapter are new, being learned, and known."""

    name: str
    new: int
    learning: int
    known: int

    @property
    def total(self) -> int:
        return self.new + self.learning + self.known


@dataclass(frozen=True, slots=True)
class Week:
    """Answers to cards in review during seven days, and how many of them were recalled."""

    first_day: int
    answers: int
    recalled: int

    @property
    def share(self) -> float | None:
        """The share recalled; None without answers."""
        return self.recalled / self.answers if self.answers else None


@dataclass(frozen=True, slots=True)
class Streak:
    """Days in a row with at least one answer: the present row, and the longest."""

    present: int
    longest: int


_STATES = (
    " count(*) FILTER (WHERE card.state = 0),"
    " count(*) FILTER (WHERE card.state IN (1, 3)"
    f"   OR card.state = 2 AND card.stability < {KNOWN_DAYS}),"
    f" count(*) FILTER (WHERE card.state = 2 AND card.stability >= {KNOWN_DAYS})"
)


def by_deck(connection: sqlite3.Connection) -> list[Part]:
    """Return the states of the cards of each deck."""
    rows = connection.execute(
        f"SELECT deck.name, {_STATES} FROM card JOIN deck ON deck.id = card.deck"
        " WHERE NOT card.retired GROUP BY deck.id ORDER BY deck.id"
    )
    return [Part(*row) for row in rows]


def by_chapter(connection: sqlite3.Connection) -> dict[str, Part]:
    """Return the states of the cards of each chapter, by its slug."""
    rows = connection.execute(
        "SELECT card.chapter,"
        f" {_STATES} FROM card WHERE NOT card.retired AND card.chapter <> '' GROUP BY card.chapter"
    )
    return {row[0]: Part(*row) for row in rows}


def forecast(connection: sqlite3.Connection, now: int) -> list[int]:
    """Return how many cards are due today, tomorrow, and so on; what is overdue is due today."""
    today = clock.beginning_of(clock.day_of(now))
    counts = [0] * FORECAST_DAYS
    rows = connection.execute(
        "SELECT max((due - :today) / :day, 0) AS ahead, count(*) FROM card"
        " WHERE queue IS NOT NULL AND queue IN (1, 2) AND due < :today + :days * :day"
        " GROUP BY ahead",
        {"today": today, "day": DAY, "days": FORECAST_DAYS},
    )
    for ahead, count in rows:
        counts[ahead] += count
    return counts


def retention(connection: sqlite3.Connection, now: int) -> list[Week]:
    """Return the last weeks, the oldest first; the last one ends today."""
    today = clock.day_of(now)
    first = today - 7 * WEEKS + 1
    counts = {
        row[0]: (row[1], row[2])
        for row in connection.execute(
            "SELECT (day - :first) / 7 AS week, count(*), count(*) FILTER (WHERE grade > 1)"
            " FROM review WHERE day >= :first AND day <= :today AND state_before = :review"
            " AND NOT EXISTS (SELECT 1 FROM undo WHERE undo.review = review.id) GROUP BY week",
            {"first": first, "today": today, "review": REVIEW},
        )
    }
    return [Week(first + 7 * week, *counts.get(week, (0, 0))) for week in range(WEEKS)]


def answers_by_day(connection: sqlite3.Connection, now: int) -> list[int]:
    """Return how many answers there were on each of the last 30 days, the last of them today."""
    today = clock.day_of(now)
    counts = dict(
        connection.execute(
            "SELECT day, count(*) FROM review WHERE day > ? AND day <= ?"
            " AND NOT EXISTS (SELECT 1 FROM undo WHERE undo.review = review.id) GROUP BY day",
            (today - 30, today),
        ).fetchall()
    )
    return [counts.get(today - ahead, 0) for ahead in range(29, -1, -1)]


def streak(connection: sqlite3.Connection, now: int) -> Streak:
    """Return the rows of days; a row that ended yesterday is still the present one."""
    # A loose index scan: one step for a day and not for an answer.
    days = [
        row[0]
        for row in connection.execute(
            "WITH RECURSIVE each (day) AS ("
            " SELECT max(day) FROM review UNION ALL"
            " SELECT (SELECT max(day) FROM review WHERE day < each.day) FROM each"
            " WHERE each.day IS NOT NULL)"
            " SELECT day FROM each WHERE day IS NOT NULL"
        )
    ]
    today = clock.day_of(now)
    present = longest = row_length = 0
    last = None
    for day in days:
        row_length = row_length + 1 if last is not None and last - day == 1 else 1
        last = day
        longest = max(longest, row_length)
        if days[0] >= today - 1 and days[0] - day == row_length - 1:
            present = row_length
    return Streak(present, longest)


def hardest(connection: sqlite3.Connection, count: int = 10) -> list[Card]:
    """Return the cards that were failed most often, the hardest to remember first."""
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM {TABLES} WHERE card.queue IS NOT NULL AND card.lapses > 0"
        " ORDER BY card.lapses DESC, card.memory_difficulty DESC LIMIT ?",
        (count,),
    )
    return [from_row(row) for row in rows]
