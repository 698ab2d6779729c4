"""Puts what the last complete runs wrote into the documentation and the README.

`python benches/publish.py` does it again from the results that are there.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
README = HERE.parent / "README.md"
PAGE = HERE.parent / "docs" / "benchmarks.md"
HTTP_PAGE = HERE.parent / "docs" / "http.md"

#: The Python whose figures are shown; others have a line with a link.
PUBLISHED = (3, 13)


def is_published() -> bool:
    """Whether this is the Python whose figures are shown."""
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


def block(results: Path, page: Path) -> str:
    """What belongs between the marks of the page of benchmarks."""
    paragraphs = []
    link = relative(results, page)
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
            "## How costs grow",
            f"How the cost of one operation grows with how much there is. {sentence(growth)}",
            f"![Cost against size]({link}/growth.png)",
            (results / "growth.md").read_text(encoding="utf-8").strip(),
        ]
    return "\n\n".join(paragraphs)


def short_block(results: Path, readme: Path) -> str:
    """What belongs between the marks of the README: a few rows and their picture."""
    if not (results / "short.md").exists():
        return ""
    latest = read(results / "latest.json")
    link, page = relative(results, readme), relative(PAGE, readme)
    paragraphs = [
        (results / "short.md").read_text(encoding="utf-8").strip(),
        f"![These rows against uvloop]({link}/short.png)",
        f"`{latest['settings']['command']}` on {latest['date'][:10]}, "
        f"{latest['versions']['python']}, {latest['machine']['cpu']}. "
        "*cpu-s* is a second of the server's processor time. "
        f"[All {len(latest['rows'])} rows]({page}).",
    ]
    return "\n\n".join(paragraphs)


def relative(path: Path, page: Path) -> str:
    """How `page` names `path`."""
    return os.path.relpath(path, page.parent)


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


def publish(results: Path, page: Path = PAGE, readme: Path = README) -> None:
    """Writes all tables into the page of benchmarks, and a few rows into the README.

    Raises:
        ValueError: the marks are not there.
    """
    between_marks(page, "bench:table", block(results, page))
    between_marks(readme, "bench:short", short_block(results, readme))


def publish_http(results: Path, page: Path = HTTP_PAGE) -> None:
    """Writes the tables of the HTTP clients into the page about them.

    Raises:
        ValueError: the marks are not there.
    """
    found = read(results / "http.json")
    tables = (results / "http.md").read_text(encoding="utf-8").strip()
    between_marks(page, "bench:http", f"{sentence(found)}\n\n{tables}")


def between_marks(file: Path, mark: str, block: str) -> None:
    """Replaces what stands between two marks of a file.

    Raises:
        ValueError: the marks are not there.
    """
    text = file.read_text(encoding="utf-8")
    before, beginning, rest = text.partition(f"<!-- {mark} -->")
    _, end, after = rest.partition(f"<!-- /{mark} -->")
    if not beginning or not end:
        raise ValueError(f"{file} has no <!-- {mark} --> … <!-- /{mark} -->")
    file.write_text(f"{before}{beginning}\n{block}\n{end}{after}", encoding="utf-8")


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    publish(HERE / "results")
    if (HERE / "results" / "http.json").exists():
        publish_http(HERE / "results")
