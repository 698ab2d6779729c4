"""Which card is asked next, and what an answer does: the log, undo, rescheduling, cramming."""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import dataclass

from aioxide_learn import clock
from aioxide_learn.scheduling import GRADES, MINUTE, NEW, REVIEW, Memory
from aioxide_learn.store import cards, settings
from aioxide_learn.store.cards import Card, Filter

#: A card in learning is asked so much too early when nothing else is left.
AHEAD = 20 * MINUTE

#: A card that was shown longer ago is shown again: its intervals are no longer true.
SHOWN_FOR = 60 * MINUTE

NEW_QUEUE, LEARNING_QUEUE, REVIEW_QUEUE = 0, 1, 2

#: A tag of no more cards is looked up first; with more of them a walk along a queue finds one soon.
RARE = 2000

CRAM_MAXIMUM = 2000


class Stale(Exception):
    """The card has changed since it was shown: answered in another window, undone, or buried."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What is left for today: of each queue, within the day's limits."""

    new: int
    learning: int
    due: int

    @property
    def total(self) -> int:
        return self.new + self.learning + self.due


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer that was written.

    Attributes:
        review: its number in the log.
        card: the card.
        grade: 1 to 5.
        interval: until the card is due again.
    """

    review: int
    card: int
    grade: int
    interval: int


def next_card(
    connection: sqlite3.Connection, wanted: Filter, now: int
) -> tuple[Card, dict[int, int]] | None:
    """Return the card to ask next with the interval of each grade, or None when all is done.

    First what is in learning and due, then what is due today, then new cards, each within the
    limits of the day; then what is in learning and due soon.
    """
    card = _pick(connection, wanted, now)
    if card is None:
        return None
    return card, settings.schedule(connection).intervals(card.id, card.memory, now)


def _pick(connection: sqlite3.Connection, wanted: Filter, now: int) -> Card | None:
    day = clock.day_of(now)
    reviews_left, new_left = _left(connection, day)
    first = _first(connection, wanted, LEARNING_QUEUE, now, day)
    if first is None and reviews_left > 0:
        first = _first(connection, wanted, REVIEW_QUEUE, clock.beginning_of(day + 1) - 1, day)
    if first is None and new_left > 0:
        first = _first(connection, wanted, NEW_QUEUE, 0, day)
    if first is None:
        first = _first(connection, wanted, LEARNING_QUEUE, now + AHEAD, day)
    return first


def _first(
    connection: sqlite3.Connection, wanted: Filter, queue: int, until: int, day: int
) -> Card | None:
    source, condition, values = _queue(connection, wanted)
    # Two steps: the first walks an index in its order and stops at the first card that fits.
    found = connection.execute(
        f"SELECT card.id FROM {source} WHERE {condition} ORDER BY card.due, card.ordinal LIMIT 1",
        {**values, "queue": queue, "until": until, "day": day},
    ).fetchone()
    return None if found is None else cards.get(connection, found[0])


def _queue(connection: sqlite3.Connection, wanted: Filter) -> tuple[str, str, dict[str, object]]:
    """Return tables, condition and parameters of the cards of a filter in one of the queues."""
    condition, values = wanted.conditions()
    condition = (
        "card.queue IS NOT NULL AND card.queue = :queue AND card.due <= :until"
        f" AND card.buried_day < :day AND {condition}"
    )
    if wanted.tag and _is_rare(connection, wanted.tag):
        # CROSS JOIN keeps the order: few cards with the tag, then what is known of each.
        source = "card_tag AS few CROSS JOIN card ON card.id = few.card"
        return source, f"few.tag = :tag AND {condition}", values
    if wanted.deck is not None:
        index = "card_by_deck"
    elif wanted.chapter:
        index = "card_by_chapter"
    else:
        index = "card_by_due"
    return f"card INDEXED BY {index}", condition, values


def _is_rare(connection: sqlite3.Connection, tag: str) -> bool:
    row = connection.execute(
        "SELECT count(*) FROM (SELECT 1 FROM card_tag WHERE tag = ? LIMIT ?)", (tag, RARE + 1)
    ).fetchone()
    return int(row[0]) <= RARE


def _left(connection: sqlite3.Connection, day: int) -> tuple[int, int]:
    """Return how many reviews and new cards the limits leave for the day."""
    limits = settings.load(connection)
    done = dict(
        connection.execute(
            "SELECT state_before, count(*) FROM review WHERE day = ?"
            " AND NOT EXISTS (SELECT 1 FROM undo WHERE undo.review = review.id)"
            " GROUP BY state_before",
            (day,),
        ).fetchall()
    )
    return limits.review_limit - done.get(REVIEW, 0), limits.new_limit - done.get(NEW, 0)


def counts(connection: sqlite3.Connection, wanted: Filter, now: int) -> Counts:
    """Return what a filter leaves to be done today."""
    day = clock.day_of(now)
    reviews_left, new_left = _left(connection, day)
    source, condition, values = _queue(connection, wanted)

    def count(queue: int, until: int, at_most: int) -> int:
        if at_most <= 0:
            return 0
        # No more than the limit is counted: a stack of 50,000 costs as much as one of 200.
        row = connection.execute(
            f"SELECT count(*) FROM (SELECT 1 FROM {source} WHERE {condition} LIMIT :at_most)",
            {**values, "queue": queue, "until": until, "day": day, "at_most": at_most},
        ).fetchone()
        return int(row[0])

    tomorrow = clock.beginning_of(day + 1)
    return Counts(
        new=count(NEW_QUEUE, 0, new_left),
        learning=count(LEARNING_QUEUE, tomorrow - 1, 9999),
        due=count(REVIEW_QUEUE, tomorrow - 1, reviews_left),
    )


def show(connection: sqlite3.Connection, number: int, now: int) -> tuple[Card, dict[int, int]]:
    """Return a card, with the interval of each grade if it is answered now.

    Raises:
        NoSuchCard: there is none of this number.
    """
    card = cards.get(connection, number)
    return card, settings.schedule(connection).intervals(card.id, card.memory, now)


def answer(
    connection: sqlite3.Connection, number: int, version: int, grade: int, shown: int, now: int
) -> Answered:
    """Write an answer to the log and reckon when the card is due again.

    Args:
        connection: the file.
        number: the card.
        version: the card's when it was shown.
        grade: 1 to 5.
        shown: when it was shown. The interval applied is the one shown then.
        now: the present time.

    Raises:
        NoSuchCard: there is none of this number.
        Stale: the card has changed since, or was shown more than an hour ago.
        ValueError: there is no such grade.
    """
    if grade not in GRADES:
        raise ValueError(f"a grade is 1 to 5, got {grade!r}")
    card = cards.get(connection, number)
    if card.version != version:
        raise Stale("this card has been answered or changed elsewhere since it was shown")
    if not 0 <= now - shown <= SHOWN_FOR:
        raise Stale("this card was shown more than an hour ago")
    memory = settings.schedule(connection).answer(card.id, card.memory, grade, shown, now)
    interval = memory.due - now
    cursor = connection.execute(
        "INSERT INTO review (card, grade, shown, at, day, state_before, interval)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (number, grade, shown, now, clock.day_of(now), card.memory.state, interval),
    )
    cards.remember(connection, number, memory)
    assert cursor.lastrowid is not None
    return Answered(cursor.lastrowid, number, grade, interval)


def undo(connection: sqlite3.Connection, now: int) -> Card | None:
    """Take the last answer back and return its card; None when the log is empty.

    The log keeps the answer, and that it was undone. The card is as the rest of its log makes it.
    """
    row = connection.execute(
        "SELECT id, card FROM review WHERE NOT EXISTS"
        " (SELECT 1 FROM undo WHERE undo.review = review.id) ORDER BY id DESC LIMIT 1"
    ).fetchone()
    if row is None:
        return None
    connection.execute("INSERT INTO undo VALUES (?, ?)", (row["id"], now))
    _replay(connection, row["card"])
    return cards.get(connection, row["card"])


def last_answer(connection: sqlite3.Connection) -> Answered | None:
    """Return the answer that :func:`undo` would take back."""
    row = connection.execute(
        "SELECT id, card, grade, interval FROM review WHERE NOT EXISTS"
        " (SELECT 1 FROM undo WHERE undo.review = review.id) ORDER BY id DESC LIMIT 1"
    ).fetchone()
    return None if row is None else Answered(*row)


def history(connection: sqlite3.Connection, number: int) -> list[sqlite3.Row]:
    """Return the log of a card, the newest answer first, with ``undone``."""
    return connection.execute(
        "SELECT review.*, undo.review IS NOT NULL AS undone FROM review"
        " LEFT JOIN undo ON undo.review = review.id WHERE card = ? ORDER BY id DESC",
        (number,),
    ).fetchall()


def _replay(connection: sqlite3.Connection, number: int) -> None:
    cards.remember(connection, number, memory_from_log(connection, number))


def reschedule(connection: sqlite3.Connection, after: int = 0, count: int = 500) -> int | None:
    """Reckon the memories of some cards anew from the log, by the present settings.

    Args:
        connection: the file.
        after: the cards with a greater number are done.
        count: how many at most, so that others can use the file in between.

    Returns:
        What to pass as ``after`` next; None when there are no more.
    """
    numbers = [
        row[0]
        for row in connection.execute(
            "SELECT id FROM card WHERE id > ? AND answers > 0 ORDER BY id LIMIT ?", (after, count)
        )
    ]
    for number in numbers:
        _replay(connection, number)
    return numbers[-1] if len(numbers) == count else None


def start_cram(connection: sqlite3.Connection, wanted: Filter) -> tuple[str, int]:
    """Begin to go through cards in a random order, whether they are due or not.

    The schedule does not change, and nothing is written to the log. Sessions begun before end.

    Returns:
        The name of the session, and how many cards it has (`CRAM_MAXIMUM` at most).
    """
    condition, values = wanted.conditions()
    session = secrets.token_hex(8)
    connection.execute("DELETE FROM cram")
    connection.execute("DELETE FROM cram_step")
    connection.execute(
        "INSERT INTO cram SELECT :session, row_number() OVER (), id FROM"
        f" (SELECT card.id FROM card WHERE card.queue IS NOT NULL AND {condition}"
        " ORDER BY random() LIMIT :count)",
        {**values, "session": session, "count": CRAM_MAXIMUM},
    )
    return session, cram_left(connection, session)


def cram_left(connection: sqlite3.Connection, session: str) -> int:
    """Return how many cards are left of a session."""
    row = connection.execute("SELECT count(*) FROM cram WHERE session = ?", (session,)).fetchone()
    return int(row[0])


def cram_card(connection: sqlite3.Connection, session: str) -> Card | None:
    """Return the present card of a session; None after the last, and in one that has ended."""
    row = connection.execute(
        "SELECT card FROM cram WHERE session = ? ORDER BY position LIMIT 1", (session,)
    ).fetchone()
    return None if row is None else cards.get(connection, row[0])


def cram_answer(connection: sqlite3.Connection, session: str, number: int, grade: int) -> None:
    """Go on to the next card of a session; one graded 1 or 2 comes again at the end.

    Raises:
        Stale: the card is not the present one of the session.
        ValueError: there is no such grade.
    """
    if grade not in GRADES:
        raise ValueError(f"a grade is 1 to 5, got {grade!r}")
    row = connection.execute(
        "SELECT min(position) AS first, max(position) AS last FROM cram WHERE session = ?",
        (session,),
    ).fetchone()
    present = cram_card(connection, session)
    if present is None or present.id != number:
        raise Stale("this cram session has gone on elsewhere")
    again = row["last"] + 1 if grade <= 2 else None
    if again is not None:
        connection.execute("INSERT INTO cram VALUES (?, ?, ?)", (session, again, number))
    connection.execute(
        "DELETE FROM cram WHERE session = ? AND position = ?", (session, row["first"])
    )
    connection.execute(
        "INSERT INTO cram_step (session, position, card, again) VALUES (?, ?, ?, ?)",
        (session, row["first"], number, again),
    )


def cram_answered(connection: sqlite3.Connection, session: str) -> bool:
    """Return whether :func:`cram_undo` has something to take back."""
    row = connection.execute("SELECT 1 FROM cram_step WHERE session = ?", (session,)).fetchone()
    return row is not None


def cram_undo(connection: sqlite3.Connection, session: str) -> Card | None:
    """Take the last answer of a session back; its card is the present one again.

    Returns:
        The card; None when nothing was answered.
    """
    row = connection.execute(
        "SELECT * FROM cram_step WHERE session = ? ORDER BY id DESC LIMIT 1", (session,)
    ).fetchone()
    if row is None:
        return None
    connection.execute("DELETE FROM cram_step WHERE id = ?", (row["id"],))
    connection.execute(
        "DELETE FROM cram WHERE session = ? AND position = ?", (session, row["again"])
    )
    connection.execute("INSERT INTO cram VALUES (?, ?, ?)", (session, row["position"], row["card"]))
    return cards.get(connection, row["card"])


def memory_from_log(connection: sqlite3.Connection, number: int) -> Memory:
    """Return what the log makes of a card: equal to what is stored with it."""
    answers = connection.execute(
        "SELECT grade, shown, at FROM review WHERE card = ?"
        " AND NOT EXISTS (SELECT 1 FROM undo WHERE undo.review = review.id) ORDER BY id",
        (number,),
    ).fetchall()
    return settings.schedule(connection).replay(number, (tuple(each) for each in answers))
