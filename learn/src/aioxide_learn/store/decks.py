"""Decks in the file: bringing them in without losing progress, listing, taking out."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from aioxide_learn.deck import Deck, DeckCard
from aioxide_learn.store.cards import KNOWN_DAYS

#: A deck's cards are numbered from its own number times this: decks follow one another.
CARDS_IN_A_DECK = 1 << 20


class NoSuchDeck(LookupError):
    """There is no deck of this number or name."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did to a deck: how many cards were which.

    Attributes:
        name: of the deck.
        added: new.
        changed: of another text or tag; their progress stays.
        same: as before.
        back: that had been taken out before; with the progress they had then.
        retired: that the file no longer has; they are not asked, their progress is kept.
    """

    name: str
    added: int
    changed: int
    same: int
    back: int
    retired: int


@dataclass(frozen=True, slots=True)
class DeckSummary:
    """A deck and how many of its cards are in which state."""

    id: int
    name: str
    description: str
    cards: int
    new: int
    learning: int
    known: int
    suspended: int


def bring_in(connection: sqlite3.Connection, decks: Iterable[Deck]) -> list[Imported]:
    """Write decks; a card whose deck and id are there already keeps its progress."""
    return [_bring_in(connection, deck) for deck in decks]


def _bring_in(connection: sqlite3.Connection, deck: Deck) -> Imported:
    number = connection.execute(
        "INSERT INTO deck (name, description) VALUES (?, ?) ON CONFLICT (name)"
        " DO UPDATE SET description = excluded.description, removed = 0 RETURNING id",
        (deck.name, deck.description),
    ).fetchone()[0]
    before = {
        row["key"]: row
        for row in connection.execute("SELECT * FROM card WHERE deck = ?", (number,))
    }
    added = changed = same = back = 0
    for index, card in enumerate(deck.cards):
        written = (
            number * CARDS_IN_A_DECK + index,
            card.front,
            card.back,
            card.concept_ref,
            card.difficulty,
            json.dumps(card.tags, ensure_ascii=False),
        )
        old = before.pop(card.id, None)
        if old is None:
            added += 1
            cursor = connection.execute(
                "INSERT INTO card (deck, key, ordinal, front, back, concept_ref, difficulty, tags)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (number, card.id, *written),
            )
            assert cursor.lastrowid is not None
            _set_tags(connection, cursor.lastrowid, card.tags)
            continue
        differs = written[1:] != tuple(
            old[name] for name in ("front", "back", "concept_ref", "difficulty", "tags")
        )
        back += old["retired"]
        changed += differs and not old["retired"]
        same += not differs and not old["retired"]
        if differs or old["retired"] or old["ordinal"] != written[0]:
            connection.execute(
                "UPDATE card SET ordinal = ?, front = ?, back = ?, concept_ref = ?,"
                " difficulty = ?, tags = ?, retired = 0, version = version + ? WHERE id = ?",
                (*written, bool(differs or old["retired"]), old["id"]),
            )
            _set_tags(connection, old["id"], card.tags)
    retired = [row["id"] for row in before.values() if not row["retired"]]
    connection.executemany(
        "UPDATE card SET retired = 1, version = version + 1 WHERE id = ?",
        [(each,) for each in retired],
    )
    return Imported(deck.name, added, changed, same, back, len(retired))


def _set_tags(connection: sqlite3.Connection, card: int, tags: Iterable[str]) -> None:
    connection.execute("DELETE FROM card_tag WHERE card = ?", (card,))
    connection.executemany("INSERT INTO card_tag VALUES (?, ?)", [(tag, card) for tag in tags])


def summaries(connection: sqlite3.Connection) -> list[DeckSummary]:
    """Return the decks in the order in which they came, with the states of their cards."""
    rows = connection.execute(
        "SELECT deck.id, deck.name, deck.description, count(card.id),"
        " count(*) FILTER (WHERE card.state = 0),"
        " count(*) FILTER (WHERE card.state IN (1, 3)"
        "   OR card.state = 2 AND card.stability < :known),"
        " count(*) FILTER (WHERE card.state = 2 AND card.stability >= :known),"
        " count(*) FILTER (WHERE card.suspended)"
        " FROM deck LEFT JOIN card ON card.deck = deck.id AND NOT card.retired"
        " WHERE NOT deck.removed GROUP BY deck.id ORDER BY deck.id",
        {"known": KNOWN_DAYS},
    )
    # A deck without cards is one row of nulls, which the filters count as nothing.
    return [DeckSummary(*row) for row in rows]


def names(connection: sqlite3.Connection) -> list[tuple[int, str]]:
    """Return number and name of each deck."""
    rows = connection.execute("SELECT id, name FROM deck WHERE NOT removed ORDER BY id")
    return [(row[0], row[1]) for row in rows]


def number_of(connection: sqlite3.Connection, name: str) -> int:
    """Return the number of a deck.

    Raises:
        NoSuchDeck: there is none of this name; the message lists those that are there.
    """
    known = {each: number for number, each in names(connection)}
    if name not in known:
        raise NoSuchDeck(f"there is no deck {name!r}; there are: {', '.join(known) or 'none'}")
    return known[name]


def read(connection: sqlite3.Connection, number: int) -> Deck:
    """Return a deck as its author wrote it, without progress.

    Raises:
        NoSuchDeck: there is none of this number.
    """
    row = connection.execute(
        "SELECT name, description FROM deck WHERE id = ? AND NOT removed", (number,)
    ).fetchone()
    if row is None:
        raise NoSuchDeck(f"there is no deck {number}")
    cards = connection.execute(
        "SELECT * FROM card WHERE deck = ? AND NOT retired ORDER BY ordinal", (number,)
    )
    return Deck(
        row["name"],
        row["description"],
        tuple(
            DeckCard(
                card["key"],
                card["front"],
                card["back"],
                card["concept_ref"],
                card["difficulty"],
                tuple(json.loads(card["tags"])),
            )
            for card in cards
        ),
    )


def remove(connection: sqlite3.Connection, number: int) -> str:
    """Take a deck out and return its name; its progress is kept for when it is brought in again.

    Raises:
        NoSuchDeck: there is none of this number.
    """
    name = read(connection, number).name
    connection.execute("UPDATE deck SET removed = 1 WHERE id = ?", (number,))
    connection.execute(
        "UPDATE card SET retired = 1, version = version + 1 WHERE deck = ? AND NOT retired",
        (number,),
    )
    return name
