"""The blocks of code in the content, and what they are expected to print."""

import json
import pathlib
import re
from dataclasses import dataclass

CONTENT = pathlib.Path(__file__).resolve().parents[2] / "src" / "aioxide_learn" / "content"
CHAPTERS = sorted((CONTENT / "chapters").glob("*.md"))
DECKS = sorted((CONTENT / "decks").glob("*.json"))
DAYS = sorted((CONTENT / "days").glob("*.md"))
LABS = sorted(file.parent for file in (CONTENT / "labs").glob("*/lab.toml"))

_FENCE = re.compile(r"^( *)(`{3,})([^\n`]*)\n(.*?)^\1\2 *$", re.MULTILINE | re.DOTALL)
_WRONG = re.compile(r'^python wrong="([^"]+)"$')
_NEEDS = re.compile(r"<!-- needs Python 3\.(\d+) -->\s*\Z")
_KINDS = ("python", "python real", "output", "text", "console", "markdown", "toml")

#: The program of this lab's solution runs until it is interrupted.
ENDLESS = {"chat-server"}


@dataclass(frozen=True)
class Block:
    """A program in the content.

    Attributes:
        name: where it stands.
        source: the program.
        output: what it prints; None if the text does not say.
        wrong: what it says when it fails; None if it is right.
        real: whether it runs on the real clock.
        minor: the oldest Python that can run it, 3.minor.
    """

    name: str
    source: str
    output: str | None = None
    wrong: str | None = None
    real: bool = False
    minor: int = 11


def blocks_of(text: str, place: str) -> list[Block]:
    """All programs of a text.

    Raises:
        ValueError: a fence of an unknown kind, or output that belongs to no program.
    """
    found: list[Block] = []
    last = None
    for match in _FENCE.finditer(text):
        indent, _, info, body = match.groups()
        body = re.sub(rf"^{indent}", "", body, flags=re.MULTILINE)
        line = text.count("\n", 0, match.start()) + 1
        info = info.strip()
        wrong = _WRONG.match(info)
        if not wrong and info not in _KINDS:
            raise ValueError(f"{place}:{line}: unknown kind of block: {info!r}")
        if info == "output":
            if last != "python":
                raise ValueError(f"{place}:{line}: this output follows no program")
            found[-1] = Block(**{**vars(found[-1]), "output": body})
        elif wrong or info.startswith("python"):
            needs = _NEEDS.search(text, 0, match.start())
            found.append(
                Block(
                    f"{place}:{line}",
                    body,
                    wrong=wrong[1] if wrong else None,
                    real=info == "python real",
                    minor=int(needs[1]) if needs else 11,
                )
            )
        last = "python" if wrong or info.startswith("python") else info
    return found


def cards():
    """All cards with the deck's file: pairs (file, card)."""
    for file in DECKS:
        for card in json.loads(file.read_text("utf-8"))["cards"]:
            yield file, card


def all_blocks() -> list[Block]:
    """All programs of the content: chapters, days, cards, hints, tasks and solutions of labs."""
    found = []
    for file in [*CHAPTERS, *DAYS, *(lab / name for lab in LABS for name in LAB_TEXTS)]:
        found += blocks_of(file.read_text("utf-8"), str(file.relative_to(CONTENT)))
    for file, card in cards():
        # What a program on the front prints stands on the back.
        text = f"{card['front']}\n\n{card['back']}"
        found += blocks_of(text, f"{file.name}:{card['id']}")
    for program in sorted((CONTENT / "pictures").glob("*.py")):
        found.append(Block(f"pictures/{program.name}", program.read_text("utf-8")))
    for lab in LABS:
        if lab.name not in ENDLESS:
            source = (lab / "solution.py").read_text("utf-8")
            found.append(Block(f"{lab.name}/solution.py", source))
    return found


LAB_TEXTS = ("README.md", "hints.md")
