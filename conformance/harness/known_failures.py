"""The checked-in list of failures that are expected, each with its reason."""

import fnmatch
import tomllib
from dataclasses import dataclass
from pathlib import Path

from .loops import CHOICES

_KEYS = {"tests", "loop", "versions", "reason"}


@dataclass(frozen=True)
class KnownFailure:
    """One entry of the list.

    Attributes:
        tests: patterns of test ids, with ``*`` and ``?``.
        loop: the loop that fails them.
        versions: the interpreters that it concerns (``3.13``); empty for all.
        reason: why they fail, for readers.
    """

    tests: tuple[str, ...]
    loop: str
    versions: tuple[str, ...]
    reason: str


class KnownFailures:
    """The entries that concern one loop on one interpreter.

    Args:
        entries: the whole list.
        loop: the loop under test.
        version: the interpreter's, as ``3.13``.
    """

    def __init__(self, entries: list[KnownFailure], loop: str, version: str) -> None:
        self._entries = [
            entry
            for entry in entries
            if entry.loop == loop and (not entry.versions or version in entry.versions)
        ]
        self._used: set[str] = set()

    def reason_for(self, test: str) -> str | None:
        """Why *test* is expected to fail, or None if it is expected to pass."""
        found = None
        for entry in self._entries:
            for pattern in entry.tests:
                if fnmatch.fnmatchcase(test, pattern):
                    self._used.add(pattern)
                    found = found or entry.reason
        return found

    def unused_patterns(self) -> list[str]:
        """Patterns that no test asked about so far has matched."""
        return [
            pattern
            for entry in self._entries
            for pattern in entry.tests
            if pattern not in self._used
        ]


def read(path: Path) -> list[KnownFailure]:
    """Read the list.

    Raises:
        ValueError: an entry is not as the list's head describes it.
    """
    with open(path, "rb") as file:
        document = tomllib.load(file)
    unknown = set(document) - {"failure"}
    if unknown:
        raise ValueError(f"{path}: unknown key {sorted(unknown)[0]!r}; entries are [[failure]]")
    return [_entry(path, entry) for entry in document.get("failure", [])]


def _entry(path: Path, entry: dict) -> KnownFailure:
    def refuse(what: str) -> ValueError:
        return ValueError(f"{path}: {what} in the entry {entry!r}")

    for key in entry:
        if key not in _KEYS:
            raise refuse(f"unknown key {key!r}")
    for key in ("tests", "versions"):
        value = entry.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise refuse(f"{key!r} must be a list of strings, not {value!r}")
    if not entry.get("tests"):
        raise refuse("no 'tests'")
    if entry.get("loop") not in CHOICES:
        raise refuse(f"'loop' must be one of {', '.join(CHOICES)}, not {entry.get('loop')!r}")
    if not isinstance(entry.get("reason"), str) or not entry["reason"].strip():
        raise refuse("no 'reason'")
    return KnownFailure(
        tests=tuple(entry["tests"]),
        loop=entry["loop"],
        versions=tuple(entry.get("versions", [])),
        reason=entry["reason"].strip(),
    )
