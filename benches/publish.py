"""Puts what the last complete runs wrote into the project's README."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

README = Path(__file__).resolve().parent.parent / "README.md"
BEGINNING, END = "<!-- bench:table -->", "<!-- /bench:table -->"

#: The Python whose figures the README shows; others have a line with a link.
PUBLISHED = (3, 13)


def is_published() -> bool:
    """Whether this is the Python whose figures the README shows."""
    return sys.version_info[:2] == PUBLISHED


def directory(results: Path, complete: bool) -> Path:
    """Where results go: what is not complete replaces nothing that is published."""
    if not complete:
        return results / "partial"
    if is_published():
        return results
    return results / "cpython-{}.{}".format(*sys.version_info[:2])


def other_folders(results: Path) -> list[Path]:
    """The folders with complete results of other Pythons, the oldest Python first."""
    return sorted(path.parent for path in results.glob("cpython-*/latest.json"))


def command(target: str, arguments: Sequence[str]) -> str:
    """What somebody types to get the same run."""
    words = ["make", target]
    if not is_published():
        words.append("PYTHON={}.{}".format(*sys.version_info[:2]))
    if arguments:
        words.append(f'ARGS="{shlex.join(arguments)}"')
    return " ".join(words)


def block(results: Path) -> str:
    """What belongs between the marks of the README."""
    paragraphs = []
    link = results.relative_to(README.parent) if results.is_relative_to(README.parent) else results
    if (results / "latest.json").exists():
        latest = read(results / "latest.json")
        paragraphs += [
            f"{sentence(latest)} {reached(latest)}",
            f"![Every row against uvloop]({link}/chart.png)",
            (results / "table.md").read_text(encoding="utf-8").strip(),
        ]
    for folder in other_folders(results):
        latest = read(folder / "latest.json")
        paragraphs.append(
            f"On {latest['versions']['python']}, by `{latest['settings']['command']}`: "
            f"{reached(latest)} ([table]({link}/{folder.name}/table.md))"
        )
    if (results / "growth.json").exists():
        growth = read(results / "growth.json")
        paragraphs += [
            f"How the cost of one operation grows with how much there is. {sentence(growth)}",
            f"![Cost against size]({link}/growth.png)",
            (results / "growth.md").read_text(encoding="utf-8").strip(),
        ]
    return "\n\n".join(paragraphs)


def sentence(found: dict[str, Any]) -> str:
    """What was run, and on how quiet a machine."""
    return (
        f"This is what `{found['settings']['command']}` wrote on {found['date'][:10]} "
        f"(load before it: {found['machine']['load_before']})."
    )


def reached(latest: dict[str, Any]) -> str:
    """How many targets are met, of those that could be judged."""
    judged = [
        target["met"]
        for row in latest["rows"]
        for target in row["targets"]
        if target["met"] is not None
    ]
    return f"{sum(judged)} of {len(judged)} targets are met."


def into_readme(results: Path, readme: Path) -> None:
    """Writes `block` between the marks of `readme`.

    Raises:
        ValueError: the marks are not there.
    """
    text = readme.read_text(encoding="utf-8")
    before, beginning, rest = text.partition(BEGINNING)
    _, end, after = rest.partition(END)
    if not beginning or not end:
        raise ValueError(f"{readme} has no {BEGINNING} … {END}")
    readme.write_text(f"{before}{beginning}\n{block(results)}\n{end}{after}", encoding="utf-8")


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
