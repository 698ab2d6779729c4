"""The learner's notes to cards, chapters, labs and days, and all of them as one file."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

#: The kinds of what a note belongs to, and the heading of each in the file.
KINDS = {"chapter": "Chapters", "lab": "Labs", "day": "Days", "card": "Cards"}

FILE = "notes.md"

MAXIMUM_LENGTH = 100_000


@dataclass(frozen=True, slots=True)
class Note:
    """A note: Markdown about one thing."""

    kind: str
    ref: str
    text: str
    changed: int


class NoteError(ValueError):
    """A note cannot be kept; the message says why."""


def get(connection: sqlite3.Connection, kind: str, ref: str) -> str:
    """Return the text of a note; empty if there is none."""
    row = connection.execute(
        "SELECT text FROM note WHERE kind = ? AND ref = ?", (kind, ref)
    ).fetchone()
    return "" if row is None else str(row[0])


def put(connection: sqlite3.Connection, kind: str, ref: str, text: str, now: int) -> None:
    """Keep a note; one without text is taken away.

    Raises:
        NoteError: the kind is unknown or the text too long.
    """
    if kind not in KINDS:
        raise NoteError(f"a note belongs to one of {', '.join(KINDS)}, not to {kind!r}")
    if len(text) > MAXIMUM_LENGTH:
        raise NoteError(f"a note has at most {MAXIMUM_LENGTH} characters, got {len(text)}")
    if not text.strip():
        connection.execute("DELETE FROM note WHERE kind = ? AND ref = ?", (kind, ref))
        return
    connection.execute(
        "INSERT INTO note VALUES (?, ?, ?, ?) ON CONFLICT (kind, ref)"
        " DO UPDATE SET text = excluded.text, changed = excluded.changed",
        (kind, ref, text, now),
    )


def every(connection: sqlite3.Connection) -> list[Note]:
    """Return all notes: by kind, then by name."""
    order = {kind: index for index, kind in enumerate(KINDS)}
    notes = [Note(*row) for row in connection.execute("SELECT * FROM note")]
    return sorted(notes, key=lambda note: (order[note.kind], note.ref))


def as_markdown(notes: list[Note]) -> str:
    """Return all notes as one text in Markdown."""
    lines = ["# Notes", ""]
    kind = None
    for note in notes:
        if note.kind != kind:
            kind = note.kind
            lines += [f"## {KINDS[kind]}", ""]
        day = datetime.fromtimestamp(note.changed / 1000).date()
        lines += [f"### {note.ref}", "", note.text.strip(), "", f"_{day}_", ""]
    return "\n".join(lines)


def write_file(folder: Path, notes: list[Note]) -> Path:
    """Write `notes.md` in the data folder; a reader sees the old file or the new one, whole."""
    handle, name = tempfile.mkstemp(prefix=".notes-", dir=folder)
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(as_markdown(notes))
        os.replace(name, folder / FILE)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    return folder / FILE
