"""Decks as files: reading, what is wrong with one, and writing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeckCard:
    """A card as its author wrote it. ``id`` is what progress is kept by."""

    id: str
    front: str
    back: str
    concept_ref: str = ""
    difficulty: int = 2
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Deck:
    """A deck as its author wrote it."""

    name: str
    description: str
    cards: tuple[DeckCard, ...]


class DeckError(Exception):
    """A file is no deck. The message has a line for each problem: file, place, what was expected.

    Attributes:
        problems: these lines.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
