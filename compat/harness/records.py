"""What the processes of a program wrote down about themselves, and what of it is aioxide's."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

__all__ = ("Record", "alarms", "novelties", "read")

_INNERMOST_REPR = re.compile(r"<[^<>]*>")
_ADDRESS = re.compile(r"0x[0-9a-f]+")
_NUMBER = re.compile(r"\d+")
# What wakes a loop from another thread: a pair of sockets of asyncio's, an eventfd of ours.
_WAKE_UPS = {"anon_inode:[eventfd]": "socket"}


@dataclass(frozen=True)
class Record:
    """One line of what `recorder/sitecustomize.py` writes."""

    # "warning", "log", "lint", "unraisable", "thread", "loop", "task" or "descriptor".
    kind: str
    text: str
    # The beginning of the command line of the process it happened in.
    process: str


def read(folder: Path) -> list[Record]:
    """All records in a folder, those of one process in the order in which they were made."""
    found = []
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_text().splitlines():
            entry = json.loads(line)
            found.append(Record(entry["kind"], entry["text"], " ".join(entry["process"])))
    return found


#: Findings that say what asyncio's log or a warning of the interpreter says.
_REPORTED_AS_WELL = (
    "exception-not-retrieved: Task exception was never retrieved",
    "exception-not-retrieved: Future exception was never retrieved",
    "never-awaited: ",
    "never-closed: ",
    "task-dropped: ",
)


def novelties(control: list[Record], tried: list[Record], loop: str) -> list[str]:
    """What happened on the loop that was tried and not on the standard one, in words.

    Addresses, numbers and what stands in angle brackets are left out of account: they differ from
    run to run, and the names of classes from loop to loop. So are how often something was warned
    of, and the tasks that a library's own process leaves to its loop when it is told to end: both
    depend on the order of events between processes. The tasks of the program itself are looked at
    where it runs (`Given.check_no_task_is_left`).

    Args:
        control: the records of the standard loop.
        tried: those of the other one.
        loop: the package that every loop of the second run must come from.
    """
    known = {(record.kind, _shape(record)) for record in control}
    new: Counter[str] = Counter()
    for record in tried:
        if record.kind == "loop":
            if record.text.partition(".")[0] != loop:
                new[f"a loop of {record.text} ran in: {record.process}"] += 1
        elif record.kind == "descriptor":
            if not _is_covered(record, control):
                new[f"left open at exit: {record.text}, in: {record.process}"] += 1
        elif record.kind not in ("task", "lint") and (record.kind, _shape(record)) not in known:
            new[f"{record.kind}: {record.text.partition(chr(10))[0]}"] += 1
    return _counted(new)


def alarms(tried: list[Record]) -> list[str]:
    """What the lints of aioxide have found, in words: the programs here have no such faults.

    What asyncio or the interpreter has reported as well is no matter of the lints: `novelties`
    compares it with the standard loop. distributed loses exceptions on both.
    """
    return _counted(
        Counter(
            f"lint: {each.text}"
            for each in tried
            if each.kind == "lint" and not each.text.startswith(_REPORTED_AS_WELL)
        )
    )


def _counted(texts: Counter[str]) -> list[str]:
    return [f"{text} ({count} times)" if count > 1 else text for text, count in texts.items()]


def _shape(record: Record) -> str:
    """The first line, without what may differ between two runs."""
    text, replaced = record.text.partition("\n")[0], 1
    while replaced:
        text, replaced = _INNERMOST_REPR.subn("…", text)
    return _NUMBER.sub("N", _ADDRESS.sub("N", text))


def _is_covered(record: Record, control: list[Record]) -> bool:
    """Whether some process of the control left as many descriptors of this kind open."""
    count, kind = _descriptors(record)
    of_this_kind = [_descriptors(other) for other in control if other.kind == "descriptor"]
    return any(kind == other_kind and count <= other for other, other_kind in of_this_kind)


def _descriptors(record: Record) -> tuple[int, str]:
    count, kind = record.text.split(" ", 1)
    return int(count), _NUMBER.sub("N", _WAKE_UPS.get(kind, kind))
