"""The labs of the course, read from their folders."""

from __future__ import annotations

import functools
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

#: Where the labs of the course lie.
FOLDER = Path(__file__).resolve().parents[1] / "content" / "labs"


@dataclass(frozen=True)
class Lab:
    """One lab.

    Attributes:
        name: the name of its folder, by which it is started.
        title, summary: one line each.
        kind: ``exercise`` or ``project``.
        difficulty: 1 to 3.
        chapter: the slug of the chapter that it belongs to.
        readme: the task, as Markdown.
        starter: the file that the learner begins with.
        hints: Markdown, to be shown one at a time.
        solution: one right answer.
        folder: where all of it lies, with ``checks.py`` and the wrong answers.
    """

    name: str
    title: str
    summary: str
    kind: str
    difficulty: int
    chapter: str
    readme: str
    starter: str
    hints: list[str]
    solution: str
    folder: Path


def read_lab(folder: Path) -> Lab:
    """Read a lab from its folder.

    Raises:
        ValueError: `lab.toml` lacks a key, or has one that no lab has; the message names it.
        OSError: a file is missing.
    """
    options = tomllib.loads((folder / "lab.toml").read_text("utf-8"))
    expected = {"order", "title", "summary", "kind", "difficulty", "chapter"}
    if options.keys() != expected:
        wrong = ", ".join(sorted(options.keys() ^ expected))
        raise ValueError(f"{folder / 'lab.toml'}: missing or unknown: {wrong}")
    options.pop("order")
    return Lab(
        name=folder.name,
        readme=(folder / "README.md").read_text("utf-8"),
        starter=(folder / "starter.py").read_text("utf-8"),
        hints=sections((folder / "hints.md").read_text("utf-8")),
        solution=(folder / "solution.py").read_text("utf-8"),
        folder=folder,
        **options,
    )


def sections(text: str) -> list[str]:
    """Return what stands below each heading of the second level."""
    return [part.strip() for part in re.split(r"^## .*$", text, flags=re.MULTILINE)[1:]]


@functools.cache
def _read_all() -> tuple[Lab, ...]:
    def order(folder: Path) -> int:
        return tomllib.loads((folder / "lab.toml").read_text("utf-8"))["order"]

    folders = [file.parent for file in FOLDER.glob("*/lab.toml")]
    return tuple(read_lab(folder) for folder in sorted(folders, key=order))


def all_labs() -> list[Lab]:
    """Return the labs of the course in their order: the exercises, then the projects."""
    return list(_read_all())
