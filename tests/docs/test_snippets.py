"""Does every Python snippet of the documentation run, and print what stands below it?

A snippet runs by ``python -m aioxide``, one that defines tests by pytest, in an empty folder.
Warnings are errors, and nothing may be written to standard error. A comment above a snippet
(``<!-- needs Python 3.13 -->``) says which Pythons can run it.
"""

import os
import pathlib
import re
import subprocess
import sys
from dataclasses import dataclass

import pytest
from sybil import Sybil
from sybil.parsers.myst import CodeBlockParser

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
PAGES = sorted([CHECKOUT / "README.md", *(CHECKOUT / "docs").rglob("*.md")])

# What stands in the line above a snippet that older Pythons cannot run.
NEEDS = re.compile(r"<!-- needs Python 3\.(\d+) -->\s*\Z")
LANGUAGES = ("python", "output")


@dataclass(frozen=True)
class Snippet:
    """A block of Python, and what it prints if a block of output follows it."""

    page: pathlib.Path
    line: int
    source: str
    printed: str | None
    minor: int

    @property
    def name(self) -> str:
        return f"{self.page.relative_to(CHECKOUT)}:{self.line}"

    @property
    def is_test(self) -> bool:
        """Whether pytest runs it: it defines tests."""
        return re.search(r"^(async )?def test_", self.source, re.MULTILINE) is not None


def of_page(page: pathlib.Path) -> list[Snippet]:
    """All snippets of a page, from its top to its bottom.

    Raises:
        ValueError: output that belongs to no snippet.
    """
    parsers = [CodeBlockParser(language, evaluator=_never) for language in LANGUAGES]
    document = Sybil(parsers).parse(page)
    blocks = [
        (example.region.lexemes["arguments"], example.region) for example in document.examples()
    ]
    found = []
    for index, (language, region) in enumerate(blocks):
        line = document.text.count("\n", 0, region.start) + 1
        if language == "output":
            if index == 0 or blocks[index - 1][0] != "python":
                raise ValueError(f"{page}:{line}: this output follows no snippet")
            continue
        printed = None
        if index + 1 < len(blocks) and blocks[index + 1][0] == "output":
            printed = str(blocks[index + 1][1].parsed)
        needs = NEEDS.search(document.text, 0, region.start)
        minor = int(needs[1]) if needs else 11
        found.append(Snippet(page, line, str(region.parsed), printed, minor))
    return found


def _never(example) -> None:
    raise AssertionError("snippets are run in processes of their own")


SNIPPETS = [snippet for page in PAGES for snippet in of_page(page)]
#: Seconds that a snippet may take; one takes less than one, but the machine may be busy.
DEADLINE = 50
pytestmark = pytest.mark.timeout(DEADLINE + 10)


def test_there_are_snippets():
    pages = {snippet.page.name for snippet in SNIPPETS}
    assert {"README.md", "getting_started.md", "queues.md", "testing.md"} <= pages


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: snippet.name)
def test_snippet(snippet, tmp_path):
    if sys.version_info < (3, snippet.minor):
        pytest.skip(f"for Python 3.{snippet.minor} and newer")
    file = tmp_path / ("test_snippet.py" if snippet.is_test else "app.py")
    file.write_text(snippet.source)
    if snippet.is_test:
        (tmp_path / "pytest.ini").write_text("[pytest]\n")
        command = ["-m", "pytest", "-q", "-p", "no:asyncio", "-p", "no:cacheprovider", file.name]
    else:
        command = ["-m", "aioxide", file.name]
    finished = subprocess.run(
        [sys.executable, "-W", "error", *command],
        cwd=tmp_path,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    assert (finished.returncode, finished.stderr) == (0, ""), finished.stdout + finished.stderr
    if snippet.printed is not None:
        assert finished.stdout == snippet.printed


def _environment() -> dict[str, str]:
    environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1")
    environment.pop("PYTHONASYNCIODEBUG", None)
    return environment


def test_output_belongs_to_a_snippet(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```output\nnothing\n```\n")
    with pytest.raises(ValueError, match=r"page\.md:1"):
        of_page(page)
