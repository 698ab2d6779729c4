"""Cards as they are stored, and which of them a filter chooses."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass

from aioxide_learn.scheduling import LEARNING, NEW, RELEARNING, REVIEW, Memory

#: A card in review whose stability is at least so many days counts as known.
KNOWN_DAYS = 21

#: The states that a learner filters by, as conditions.
STATES = {
    "new": f"card.state = {NEW}",
    "learning": (
        f"(card.state IN ({LEARNING}, {RELEARNING})"
        f" OR card.state = {REVIEW} AND card.stability < {KNOWN_DAYS})"
    ),
    "known": f"card.state = {REVIEW} AND card.stability >= {KNOWN_DAYS}",
    "suspended": "card.suspended",
}


class NoSuchCard(LookupError):
    """There is no card of this number."""


@dataclass(frozen=True, slots=True)
class Card:
    """A card, what is remembered of it, and whether it is asked at all."""

    id: int
    deck_id: int
    deck: str
    key: str
    front: str
    back: str
    concept_ref: str
    difficulty: int
    tags: tuple[str, ...]
    memory: Memory
    suspended: bool
    retired: bool
    buried_day: int
    version: int

    @property
    def state(self) -> str:
        """``new``, ``learning`` or ``known``."""
        if self.memory.state == NEW:
            return "new"
        known = self.memory.state == REVIEW and (self.memory.stability or 0) >= KNOWN_DAYS
        return "known" if known else "learning"

    @property
    def ref(self) -> str:
        """What a note to this card is filed under: it outlives the number."""
        return f"{self.deck}/{self.key}"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which cards a learner wants to see; what is empty or None does not restrict.

    Attributes:
        deck: the number of a deck.
        tag: a tag.
        difficulty: the author's, 1 to 3.
        chapter: the beginning of ``concept_ref``, up to ``#``.
        state: a name in `STATES`.
        text: what front, back or key contains, whatever its case.
    """

    deck: int | None = None
    tag: str = ""
    difficulty: int | None = None
    chapter: str = ""
    state: str = ""
    text: str = ""

    def conditions(self) -> tuple[str, dict[str, object]]:
        """Return a condition of SQL on ``card``, and its parameters."""
        parts = ["TRUE"]
        values: dict[str, object] = {}
        if self.deck is not None:
            parts.append("card.deck = :deck")
            values["deck"] = self.deck
        if self.tag:
            parts.append(
                "EXISTS (SELECT 1 FROM card_tag WHERE card_tag.tag = :tag"
                " AND card_tag.card = card.id)"
            )
            values["tag"] = self.tag
        if self.difficulty is not None:
            parts.append("card.difficulty = :difficulty")
            values["difficulty"] = self.difficulty
        if self.chapter:
            parts.append("card.chapter = :chapter")
            values["chapter"] = self.chapter
        if self.state:
            parts.append(f"({STATES[self.state]})")
        if self.text:
            parts.append(
                "(card.front LIKE :text ESCAPE '\\' OR card.back LIKE :text ESCAPE '\\'"
                " OR card.key LIKE :text ESCAPE '\\')"
            )
            escaped = self.text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
            values["text"] = f"%{escaped}%"
        return " AND ".join(parts), values


COLUMNS = "card.*, deck.name AS deck_name"
TABLES = "card JOIN deck ON deck.id = card.deck"


def from_row(row: sqlite3.Row) -> Card:
    """Return the card of a row with `COLUMNS`."""
    return Card(
        id=row["id"],
        deck_id=row["deck"],
        deck=row["deck_name"],
        key=row["key"],
        front=row["front"],
        back=row["back"],
        concept_ref=row["concept_ref"],
        difficulty=row["difficulty"],
        tags=tuple(json.loads(row["tags"])),
        memory=Memory(
            state=row["state"],
            step=row["step"],
            stability=row["stability"],
            difficulty=row["memory_difficulty"],
            due=row["due"],
            last=row["last"],
            answers=row["answers"],
            lapses=row["lapses"],
        ),
        suspended=bool(row["suspended"]),
        retired=bool(row["retired"]),
        buried_day=row["buried_day"],
        version=row["version"],
    )


def get(connection: sqlite3.Connection, number: int) -> Card:
    """Return a card.

    Raises:
        NoSuchCard: there is none of this number.
    """
    row = connection.execute(
        f"SELECT {COLUMNS} FROM {TABLES} WHERE card.id = ?", (number,)
    ).fetchone()
    if row is None:
        raise NoSuchCard(f"there is no card {number}")
    return from_row(row)


def find(
    connection: sqlite3.Connection, wanted: Filter, offset: int = 0, count: int = 50
) -> tuple[list[Card], int]:
    """Return a part of the cards that a filter chooses, and how many it chooses.

    Cards that are no longer in their deck are left out.

    Args:
        connection: the file.
        wanted: the filter.
        offset: how many to skip.
        count: how many to return at most.
    """
    condition, values = wanted.conditions()
    condition = f"NOT card.retired AND {condition}"
    total = connection.execute(f"SELECT count(*) FROM card WHERE {condition}", values).fetchone()
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM {TABLES} WHERE {condition}"
        " ORDER BY card.ordinal LIMIT :count OFFSET :offset",
        {**values, "count": count, "offset": offset},
    )
    return [from_row(row) for row in rows], total[0]


def remember(connection: sqlite3.Connection, number: int, memory: Memory) -> None:
    """Write the memory of a card; what was shown of it before is stale from now on."""
    connection.execute(
        "UPDATE card SET state = ?, step = ?, stability = ?, memory_difficulty = ?, due = ?,"
        " last = ?, answers = ?, lapses = ?, version = version + 1 WHERE id = ?",
        (
            memory.state,
            memory.step,
            memory.stability,
            memory.difficulty,
            memory.due,
            memory.last,
            memory.answers,
            memory.lapses,
            number,
        ),
    )


def suspend(connection: sqlite3.Connection, number: int, suspended: bool) -> None:
    """Take a card out of all reviews, or bring it back.

    Raises:
        NoSuchCard: there is none of this number.
    """
    get(connection, number)
    connection.execute(
        "UPDATE card SET suspended = ?, version = version + 1 WHERE id = ?", (suspended, number)
    )


def bury(connection: sqlite3.Connection, number: int, day: int) -> None:
    """Leave a card out for the rest of a day; day 0 brings it back.

    Raises:
        NoSuchCard: there is none of this number.
    """
    get(connection, number)
    connection.execute(
        "UPDATE card SET buried_day = ?, version = version + 1 WHERE id = ?", (day, number)
    )


def tags(connection: sqlite3.Connection) -> list[str]:
    """Return every tag, in order."""
    # A loose index scan: one step for a tag and not for a card.
    rows = connection.execute(
        "WITH RECURSIVE each (tag) AS ("
        " SELECT min(tag) FROM card_tag UNION ALL"
        " SELECT (SELECT min(tag) FROM card_tag WHERE tag > each.tag) FROM each"
        " WHERE each.tag IS NOT NULL)"
        " SELECT tag FROM each WHERE tag IS NOT NULL"
    )
    return [row[0] for row in rows]
