"""A deck as JSON, CSV or an Anki package."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import tempfile
from pathlib import Path

from aioxide_learn.deck import Deck
from aioxide_learn.rendering import markdown, style_sheet


def as_json(deck: Deck) -> bytes:
    """Return the deck in the form that `reading` takes, with the same ids."""
    value = {
        "deck": deck.name,
        "description": deck.description,
        "cards": [
            {
                "id": card.id,
                "front": card.front,
                "back": card.back,
                "concept_ref": card.concept_ref,
                "difficulty": card.difficulty,
                "tags": list(card.tags),
            }
            for card in deck.cards
        ],
    }
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()


def as_csv(deck: Deck) -> bytes:
    """Return the deck as CSV with a heading: id, front, back, concept_ref, difficulty, tags."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["id", "front", "back", "concept_ref", "difficulty", "tags"])
    for card in deck.cards:
        writer.writerow(
            [card.id, card.front, card.back, card.concept_ref, card.difficulty, " ".join(card.tags)]
        )
    return text.getvalue().encode()


def as_anki(deck: Deck) -> bytes:
    """Return the deck as an `.apkg` file; a later one of the same deck updates the notes of it."""
    import genanki

    model = genanki.Model(
        1_732_880_001,
        "aioxide-learn",
        fields=[{"name": "Front"}, {"name": "Back"}, {"name": "Id"}],
        templates=[
            {
                "name": "Card",
                "qfmt": "{{Front}}",
                "afmt": "{{FrontSide}}<hr id=answer>{{Back}}",
            }
        ],
        css=".card { font-family: sans-serif; font-size: 18px; }\n" + style_sheet(),
    )
    made = genanki.Deck(_number(f"deck {deck.name}"), deck.name, deck.description)
    for card in deck.cards:
        made.add_note(
            genanki.Note(
                model=model,
                fields=[markdown(card.front), markdown(card.back), card.id],
                tags=list(card.tags),
                guid=genanki.guid_for(deck.name, card.id),
            )
        )
    with tempfile.TemporaryDirectory(prefix="aioxide-learn-") as folder:
        path = Path(folder) / "deck.apkg"
        genanki.Package(made).write_to_file(path)
        return path.read_bytes()


def _number(text: str) -> int:
    """Return a number of 31 bits that is always the same for a text: Anki's ids are such."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1
