"""The course's own decks, brought into the file when they have changed."""

from __future__ import annotations

import sqlite3

from aioxide_learn import content
from aioxide_learn.deck import Deck
from aioxide_learn.store import decks, settings
from aioxide_learn.store.database import Database


def is_present(connection: sqlite3.Connection, digest: str) -> bool:
    """Return whether the decks of this digest were brought in."""
    return settings.get(connection, "course") == digest


def bring_in(connection: sqlite3.Connection, found: list[Deck], digest: str) -> None:
    """Write the course's decks; those that the learner removed stay removed."""
    rows = connection.execute("SELECT name FROM deck WHERE removed")
    removed = {row[0] for row in rows}
    decks.bring_in(connection, [deck for deck in found if deck.name not in removed])
    settings.put(connection, "course", digest)


def bring_in_course(database: Database) -> None:
    """Bring the course's decks in unless that was done since they changed."""
    digest = content.decks_digest()
    if not database.read(is_present, digest):
        database.write(bring_in, content.decks(), digest)
