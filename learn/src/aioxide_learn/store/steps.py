"""What was done in the review besides answering, and undo of the last step, whichever it was."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from aioxide_learn import clock
from aioxide_learn.store import cards, notes, reviews
from aioxide_learn.store.cards import Card
from aioxide_learn.store.reviews import Answered

#: So many steps are kept. Answers can all be taken back.
KEPT = 1000

#: What each kind of step did, for the learner.
DONE = {"bury": "buried a card", "suspend": "suspended a card", "note": "changed a note"}


@dataclass(frozen=True, slots=True)
class Step:
    """The last thing that was done in the review.

    Attributes:
        kind: ``answer``, ``bury``, ``suspend`` or ``note``.
        card: the number of its card.
        answer: of an answer, what was written.
    """

    kind: str
    card: int
    answer: Answered | None = None


def bury(connection: sqlite3.Connection, number: int, now: int) -> None:
    """Leave a card out until tomorrow.

    Raises:
        NoSuchCard: there is none of this number.
    """
    _note_step(connection, "bury", number, str(cards.get(connection, number).buried_day))
    cards.bury(connection, number, clock.day_of(now))


def suspend(connection: sqlite3.Connection, number: int) -> None:
    """Take a card out of all reviews.

    Raises:
        NoSuchCard: there is none of this number.
    """
    _note_step(connection, "suspend", number, str(int(cards.get(connection, number).suspended)))
    cards.suspend(connection, number, True)


def write_note(connection: sqlite3.Connection, number: int, text: str, now: int) -> None:
    """Write the note of a card. What is typed without another step in between is one step.

    Raises:
        NoSuchCard: there is none of this number.
        NoteError: the text is too long.
    """
    ref = cards.get(connection, number).ref
    before = notes.get(connection, "card", ref)
    notes.put(connection, "card", ref, text, now)
    row = _last_row(connection)
    same = ("note", number, _last_review(connection))
    if row is None or (row["kind"], row["card"], row["after_review"]) != same:
        _note_step(connection, "note", number, before)


def last(connection: sqlite3.Connection) -> Step | None:
    """Return the step that :func:`undo` would take back."""
    answered, row = reviews.last_answer(connection), _last_row(connection)
    if row is not None and (answered is None or row["after_review"] >= answered.review):
        return Step(row["kind"], row["card"])
    return None if answered is None else Step("answer", answered.card, answered)


def undo(connection: sqlite3.Connection, folder: Path, now: int) -> tuple[Step, Card] | None:
    """Take the last step back.

    Args:
        connection: the file.
        folder: the data folder, where the file of all notes is.
        now: the present time.

    Returns:
        The step, and its card as it is now; None when there is nothing to take back.
    """
    step = last(connection)
    if step is None:
        return None
    if step.kind == "answer":
        reviews.undo(connection, now)
    else:
        row = _last_row(connection)
        assert row is not None
        connection.execute("DELETE FROM step WHERE id = ?", (row["id"],))
        if step.kind == "bury":
            cards.bury(connection, step.card, int(row["before"]))
        elif step.kind == "suspend":
            cards.suspend(connection, step.card, row["before"] == "1")
        else:
            ref = cards.get(connection, step.card).ref
            notes.put(connection, "card", ref, row["before"], now)
            notes.write_file(folder, notes.every(connection))
    return step, cards.get(connection, step.card)


def _note_step(connection: sqlite3.Connection, kind: str, card: int, before: str) -> None:
    cursor = connection.execute(
        "INSERT INTO step (kind, card, before, after_review) VALUES (?, ?, ?, ?)",
        (kind, card, before, _last_review(connection)),
    )
    assert cursor.lastrowid is not None
    connection.execute("DELETE FROM step WHERE id <= ?", (cursor.lastrowid - KEPT,))


def _last_row(connection: sqlite3.Connection) -> sqlite3.Row | None:
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM step ORDER BY id DESC LIMIT 1"
    ).fetchone()
    return row


def _last_review(connection: sqlite3.Connection) -> int:
    """Return the number of the last answer in the log, be it undone or not."""
    return int(connection.execute("SELECT coalesce(max(id), 0) FROM review").fetchone()[0])
