"""What a recording of aioxide says about tasks: a reader of its trace files.

The form is described in `docs/trace-format.md` of aioxide. Only what a timeline needs is read.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

_EVENTS, _STRINGS, _LOCATIONS, _TASKS, _OBJECTS = 2, 3, 4, 5, 6
_STEP, _CREATED, _WOKEN, _CANCEL, _MARK = 2, 4, 5, 6, 9

OUTCOMES = ("waiting", "yielded", "done", "failed", "cancelled")
#: What a task waits for, by the number of the format.
WAITS = (
    *("something", "sleep", "a future", "a task", "several tasks", "a lock", "an event"),
    *("a condition", "a semaphore", "a barrier", "an item of a queue", "room in a queue"),
    *("a queue to be done", "data to read", "room to write", "a connection", "a client"),
    *("a thread", "a process", "a name look-up", "something native", "a future"),
    *("its task group", "a timeout"),
)
#: The wait kind whose subject is a task and not an object.
_OF_TASK = 3


@dataclass(frozen=True)
class Created:
    """A task was made."""

    task: int


@dataclass(frozen=True)
class Stepped:
    """A step of a task has ended.

    Attributes:
        outcome: one of `OUTCOMES`.
        waits_for: what for, in words; empty if it does not wait.
    """

    task: int
    outcome: str
    waits_for: str


@dataclass(frozen=True)
class Woken:
    """A task that waited is ready."""

    task: int


@dataclass(frozen=True)
class Cancelled:
    """Somebody has called ``cancel()`` of a task."""

    task: int


@dataclass(frozen=True)
class Marked:
    """A mark of the program."""

    text: str


Event = Created | Stepped | Woken | Cancelled | Marked


@dataclass
class _Tables:
    path: str
    strings: dict[int, str] = field(default_factory=dict)
    #: File and line of each location.
    places: dict[int, tuple[int, int]] = field(default_factory=dict)
    #: Name of each task.
    tasks: dict[int, int] = field(default_factory=dict)
    #: Where each object was made.
    objects: dict[int, int] = field(default_factory=dict)


def read(data: bytes, path: str) -> list[Event]:
    """Return the events of a trace file that concern tasks, in their order.

    Arguments:
        data: the content of the trace file.
        path: the file whose lines are named.

    Raises:
        ValueError: it is no trace file, or of another version.
    """
    if data[:8] != b"AIOTRACE" or data[8:12] != b"\1\0\0\0":
        raise ValueError("not a trace file of version 1")
    tables, events = _Tables(path), b""
    for kind, payload in _chunks(data):
        if kind == _EVENTS:
            events += payload[16:]
        else:
            _take(tables, kind, payload)
    return [
        event for words in struct.iter_unpack("<QQQ", events) if (event := _event(tables, words))
    ]


def _chunks(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 12
    while at + 12 <= len(data):
        kind, length = struct.unpack_from("<II", data, at)
        end = at + 8 + length
        if end + 4 > len(data) or data[end : end + 4] != struct.pack(
            "<I", zlib.crc32(data[at:end])
        ):
            return  # cut off: what stands before it is whole
        yield kind, data[at + 8 : end]
        at = end + 4


def _take(tables: _Tables, kind: int, payload: bytes) -> None:
    if kind == _STRINGS:
        at = 0
        while at < len(payload):
            number, length = struct.unpack_from("<II", payload, at)
            at += 8 + length
            tables.strings[number] = payload[at - length : at].decode("utf-8", "replace")
    elif kind == _LOCATIONS:
        for number, file, _, line in struct.iter_unpack("<IIII", payload):
            tables.places[number] = file, line
    elif kind == _TASKS:
        for number, _, _, _, _, name, _ in struct.iter_unpack("<QQQIIII", payload):
            tables.tasks[number] = name
    elif kind == _OBJECTS:
        for number, _, location, _, _ in struct.iter_unpack("<QIIII", payload):
            tables.objects[number] = location


def _event(tables: _Tables, words: tuple[int, int, int]) -> Event | None:
    _, what, detail = words
    kind, subject = what & 0xFF, what >> 8
    if kind == _STEP:
        outcome = detail & 0xFF
        waits_for = _waits_for(tables, detail >> 8 & 0xFF, detail >> 16) if outcome == 0 else ""
        return Stepped(
            subject, OUTCOMES[outcome] if outcome < len(OUTCOMES) else "waiting", waits_for
        )
    if kind == _CREATED:
        return Created(subject)
    if kind == _WOKEN:
        return Woken(subject)
    if kind == _CANCEL:
        return Cancelled(subject)
    if kind == _MARK:
        return Marked(tables.strings.get(subject, ""))
    return None


def _waits_for(tables: _Tables, kind: int, subject: int) -> str:
    text = WAITS[kind] if kind < len(WAITS) else WAITS[0]
    if kind == _OF_TASK and subject in tables.tasks:
        return f"the task {tables.strings.get(tables.tasks[subject], '?')}"
    file, line = tables.places.get(tables.objects.get(subject, 0), (0, 0))
    if line and tables.strings.get(file) == tables.path:
        text += f" (made in line {line})"
    return text
