"""A file of progress, and decks to fill it with."""

import pytest
from aioxide_learn.deck import Deck, DeckCard
from aioxide_learn.store import decks
from aioxide_learn.store.database import Database

#: Noon of a day of the learner, far from the change of days.
NOON = 1_800_014_400_000


@pytest.fixture
def database(tmp_path):
    database = Database(tmp_path / "data")
    yield database
    database.close()


def make_deck(name="Tasks", count=3, **changes):
    cards = tuple(
        DeckCard(
            id=f"c{index}",
            front=f"Question {index}?",
            back=f"Answer {index}.",
            concept_ref="tasks#gather",
            difficulty=1 + index % 3,
            tags=("tasks", f"t{index}"),
        )
        for index in range(count)
    )
    return Deck(name, changes.get("description", "About tasks."), cards)


@pytest.fixture
def filled(database):
    database.write(decks.bring_in, [make_deck()])
    return database
