"""What lints and the watchdog have found."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import deque
from dataclasses import dataclass, field

from .. import _aioxide
from ..introspect import Place

__all__ = ("Finding", "add", "findings", "forget_findings", "log")

#: Findings that are kept; the oldest are dropped beyond.
_MOST = 1000


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault of the program."""

    lint: str
    """The name of the lint, as ``blocking-call``."""
    sentence: str
    """What happened, in one sentence."""
    place: Place | None = None
    """The program's own line where it happened."""
    created: Place | None = None
    """Where the task or object was made, if that is known."""
    seconds: float = 0.0
    """How long it has lasted when it was found."""
    victims: tuple[str, ...] = ()
    """The names of the tasks that suffer from it."""
    fix: str = ""
    """What to do about it."""
    task: int = 0
    """The number under which the task is recorded, by which the page links it; 0 if it is not."""
    unix_time: float = field(default_factory=time.time)
    """When it was found, in seconds since 1970."""

    def __str__(self) -> str:
        """Return sentence, victims and fix, as they are logged."""
        text = self.sentence
        if self.created is not None:
            text += f"; made at {self.created.file}:{self.created.line}"
        if self.victims:
            shown = ", ".join(repr(name) for name in self.victims[:3])
            more = f" and {len(self.victims) - 3} more" if len(self.victims) > 3 else ""
            text += f"; it holds up {shown}{more}"
        return f"{text}. {self.fix}" if self.fix else text

    def as_json(self) -> str:
        """Return it as one line of JSON, as trace files have it (``docs/trace-format.md``)."""
        plain = {
            "lint": self.lint,
            "sentence": self.sentence,
            "place": _short(self.place),
            "created": _short(self.created),
            "elapsed_ns": int(self.seconds * 1e9),
            "victims": list(self.victims),
            "fix": self.fix,
            "task": self.task,
            "ticks": 0,
        }
        return json.dumps(plain)


def _short(place: Place | None) -> str:
    return f"{place.file}:{place.line}" if place is not None else ""


def _encodable(text: str) -> str:
    """Return the text without lone surrogates, as the name of a task may have them."""
    return text.encode("utf-8", "backslashreplace").decode()


_kept: deque[Finding] = deque(maxlen=_MOST)
_lock = threading.Lock()


def findings() -> list[Finding]:
    """Return what was found in this process, the oldest first, at most 1000."""
    with _lock:
        return list(_kept)


def forget_findings() -> None:
    """Forget what was found so far."""
    with _lock:
        _kept.clear()


def add(finding: Finding) -> None:
    """Keep a finding."""
    with _lock:
        _kept.append(finding)
    # For the trace file and the console.
    _aioxide._note_finding(
        finding.lint,
        _encodable(finding.sentence),
        _encodable(_short(finding.place)),
        _encodable(_short(finding.created)),
        int(finding.seconds * 1e9),
        [_encodable(name) for name in finding.victims],
        finding.fix,
        finding.task,
    )


def log(finding: Finding) -> None:
    """Keep a finding, and log it."""
    add(finding)
    logging.getLogger("aioxide.lints").warning(
        "%s: %s", finding.lint, finding, extra={"finding": finding}
    )
