"""The course as it lies in the package: chapters, day plans, decks, pictures."""

from __future__ import annotations

import functools
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from aioxide_learn.deck import Deck
from aioxide_learn.deck.reading import read_contents

FOLDER = Path(__file__).resolve().parent / "content"

_NUMBERED = re.compile(r"(\d+)_(.+)\.md")
_SLUG = re.compile(r"[\w-]+")


@dataclass(frozen=True, slots=True)
class Page:
    """A chapter or a day plan.

    Attributes:
        slug: the name of its file without number and suffix.
        number: 1, 2, 3, and so on; 0 for a plan that the learner imported.
        title: its first heading.
        summary: its first paragraph.
        source: Markdown, without the first heading.
    """

    slug: str
    number: int
    title: str
    summary: str
    source: str


def chapters() -> list[Page]:
    """Return the chapters in their order."""
    return list(_pages("chapters"))


def days() -> list[Page]:
    """Return the course's own day plans in their order."""
    return list(_pages("days"))


@functools.cache
def _pages(folder: str) -> tuple[Page, ...]:
    found = []
    for path in sorted((FOLDER / folder).glob("*.md")):
        if named := _NUMBERED.fullmatch(path.name):
            found.append(read_page(named[2], int(named[1]), path.read_text(encoding="utf-8")))
    return tuple(sorted(found, key=lambda page: page.number))


def read_page(slug: str, number: int, text: str) -> Page:
    """Return a page of its text, with front matter or without.

    Args:
        slug: what it is called by.
        number: its place among the others.
        text: Markdown; `title:` and `summary:` of a front matter go before its own.
    """
    options: dict[str, str] = {}
    text = text.replace("\r\n", "\n")
    if front := re.match(r"---\n(.*?)\n---\n", text, re.DOTALL):
        for line in front[1].splitlines():
            name, _, value = line.partition(":")
            options[name.strip()] = value.strip().strip("\"'")
        text = text[front.end() :]
    heading = re.match(r"\s*# +(.+?) *#*\n", text + "\n")
    if heading:
        text = text[heading.end() :]
    title = options.get("title") or (heading[1].strip() if heading else slug)
    paragraph = re.search(r"^(?![#\-*>`|!<\[\s\d])[^\n]+(?:\n[^\s#\-*>`|][^\n]*)*", text, re.M)
    summary = options.get("summary") or (paragraph[0].replace("\n", " ") if paragraph else "")
    return Page(slug, number, title, summary, text)


def decks() -> list[Deck]:
    """Return the course's decks.

    Raises:
        DeckError: one is wrong, which the package's tests exclude.
    """
    files = sorted((FOLDER / "decks").glob("*.json"))
    return read_contents((file.name, file.read_bytes()) for file in files)


def decks_digest() -> str:
    """Return what tells one state of the course's decks from another."""
    digest = hashlib.sha256()
    for file in sorted((FOLDER / "decks").glob("*.json")):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def picture(name: str) -> Path | None:
    """Return the file of a picture of the course; None if it has none of this name."""
    if not re.fullmatch(r"[\w-]+\.(svg|png)", name):
        return None
    path = FOLDER / "pictures" / name
    return path if path.is_file() else None


def address(target: str) -> str | None:
    """Return where the program serves what a page of the course links to.

    Args:
        target: a link as a page has it: `02_coroutines.md#await`, `../labs/retry/README.md`.

    Returns:
        The address; None for what is no page of the course.
    """
    path, _, anchor = target.partition("#")
    parts = [part for part in path.split("/") if part not in ("", ".", "..")]
    place = f"#{anchor}" if anchor else ""
    if not parts:
        return place or None
    if named := _NUMBERED.fullmatch(parts[-1]):
        kind = "days" if _is_day(parts[-1]) else "chapters"
        return f"/{kind}/{named[2]}{place}"
    if "labs" in parts:
        name = parts[parts.index("labs") + 1 : parts.index("labs") + 2]
        if name and _SLUG.fullmatch(name[0]):
            return f"/labs/{name[0]}"
    return None


def _is_day(name: str) -> bool:
    return (FOLDER / "days" / name).is_file()


def place_of(concept_ref: str) -> str | None:
    """Return the address that a card's `concept_ref` leads to; None without such a chapter."""
    slug, _, anchor = concept_ref.partition("#")
    if slug not in {page.slug for page in chapters()}:
        return None
    return f"/chapters/{slug}#{anchor}" if anchor else f"/chapters/{slug}"
