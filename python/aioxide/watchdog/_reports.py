"""The thread that turns reports of the native watchdog into log records."""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .. import _aioxide
from .._loop.forking import known_loops
from ..introspect import Place
from ..introspect._places import is_of_loop, is_own
from ..lints import Finding
from ..lints._findings import add
from ..lints._patrol import Patrol
from ._hints import Culprit, culprit_of

__all__ = ("Reports", "report_forever", "report_pending")

logger = logging.getLogger("aioxide.watchdog")

#: A place is reported once in so many seconds.
_QUIET = 10.0
#: And all places together so often in that time.
_MOST = 20
#: Frames of a stack that are shown.
_MOST_FRAMES = 15

_FRAME = re.compile(r'^  File "(.*)", line (\d+) in (.*)$', re.MULTILINE)


def report_forever(generation: int, reports: Reports, patrol: Callable[[], Patrol | None]) -> None:
    """Log what the watchdog reports, and what the lints find, until the watchdog is stopped."""
    while (report := _aioxide._watchdog_next(generation)) is not None:
        try:
            if report:
                reports.take(*report)
            elif (lints := patrol()) is not None:
                lints.pass_by()
        except Exception:
            logger.exception("a report of the watchdog failed")


def report_pending(generation: int, reports: Reports) -> None:
    """Log what there is to report of loops in debug mode."""
    while (report := _aioxide._watchdog_take(generation)) is not None:
        try:
            reports.take(*report)
        except Exception:
            logger.exception("a report of the watchdog failed")


@dataclass
class Reports:
    """What was reported, and what is held back."""

    #: By loop and item: what has been reported and is not over.
    open: dict[tuple[int, int], Culprit] = field(default_factory=dict)
    #: By place: when it was reported last.
    last: dict[Place | None, float] = field(default_factory=dict)
    #: By place: how often it was held back since.
    held_back: dict[Place | None, int] = field(default_factory=dict)
    times: list[float] = field(default_factory=list)

    def take(
        self,
        beat: int,
        thread: int,
        item: int,
        seconds: float,
        waiting: int,
        over: bool,
        runs: bool,
        held: str | None,
        polled: tuple[str, int, str] | None,
    ) -> None:
        """Log one report of ``_watchdog_next``."""
        if over:
            known = self.open.pop((beat, item), None)
            if known is not None:
                self._log_end(known, seconds, waiting)
            return
        frame = sys._current_frames().get(thread) if runs else None
        if frame is not None:
            culprit = culprit_of(frame)
        elif held or polled is not None:
            culprit = _culprit_from_text(held or "")
        else:
            # It ended before anybody could look.
            return
        del frame
        if held and (from_text := _culprit_from_text(held)).place is not None:
            # What kept the GIL may have returned; the stack of that moment is the one that counts.
            if culprit.place is None or culprit.place[:2] != from_text.place[:2]:
                culprit = from_text
            culprit = culprit._replace(place=from_text.place, stack=from_text.stack)
        future = None if polled is None else Place(*polled)
        culprit = culprit._replace(place=culprit.place or future, polled=future)
        if not self._may_report(culprit.place):
            return
        self.open[(beat, item)] = culprit
        # The loop may be in the next task by now.
        task = _task_of(thread) if runs else None
        self._log_begin(culprit, task, seconds, waiting, held is not None)

    def _may_report(self, place: Place | None) -> bool:
        now = time.monotonic()
        self.times = [each for each in self.times if now - each < _QUIET]
        if now - self.last.get(place, -_QUIET) < _QUIET or len(self.times) >= _MOST:
            self.held_back[place] = self.held_back.get(place, 0) + 1
            return False
        self.last = {key: when for key, when in self.last.items() if now - when < 100 * _QUIET}
        self.last[place] = now
        self.times.append(now)
        return True

    def _log_begin(
        self,
        culprit: Culprit,
        task: str | None,
        seconds: float,
        waiting: int,
        held: bool,
    ) -> None:
        text = f"the event loop has been blocked for {seconds:.2f} s by {_named(culprit)}"
        if task is not None:
            text += f", task {task!r}"
        if held:
            text += ", which kept the GIL"
        text += _while_polled(culprit, "is")
        if waiting:
            text += f"; {_counted(waiting)} {'waits' if waiting == 1 else 'wait'}"
        again = self.held_back.pop(culprit.place, 0)
        if again:
            text += f"; {again} more since it was last reported"
        self._log(text, culprit, seconds, _shown(culprit))

    def _log_end(self, culprit: Culprit, seconds: float, waiting: int) -> None:
        text = f"the event loop was blocked for {seconds:.2f} s in all by {_named(culprit)}"
        text += _while_polled(culprit, "was")
        if waiting:
            text += f"; it cost {_counted(waiting)} {seconds:.2f} s each, {seconds * waiting:.2f} s"
        self._log(text, culprit, seconds, "")

    def _log(self, text: str, culprit: Culprit, seconds: float, stack: str) -> None:
        finding = Finding(
            "blocking-call", text, place=culprit.place, seconds=seconds, fix=culprit.hint
        )
        add(finding)
        logger.warning("%s%s", finding, stack, extra={"finding": finding})


def _named(culprit: Culprit) -> str:
    if culprit.place is None:
        return "code without a Python frame"
    place = f"{culprit.place.file}:{culprit.place.line} in {culprit.place.function}"
    return f"`{culprit.call}` at {place}" if culprit.call else place


def _while_polled(culprit: Culprit, verb: str) -> str:
    future = culprit.polled
    if future is None or future == culprit.place:
        return ""
    return f", while {future.function} ({future.file}:{future.line}) {verb} polled"


def _counted(waiting: int) -> str:
    return "1 ready task or callback" if waiting == 1 else f"{waiting} ready tasks and callbacks"


def _shown(culprit: Culprit) -> str:
    """Return the stack as lines, the program's own line first."""
    lines = list(culprit.stack[:_MOST_FRAMES])
    if culprit.place in lines:
        own = lines.index(culprit.place)
        lines.insert(0, lines.pop(own))
    return "".join(f"\n  {place.file}:{place.line} in {place.function}" for place in lines)


def _culprit_from_text(text: str) -> Culprit:
    """Return what the fault handler has written as a culprit."""
    places = [Place(file, int(line), name) for file, line, name in _FRAME.findall(text)]
    stack = tuple(
        itertools.takewhile(lambda place: not is_of_loop(place.file, place.function), places)
    )
    own = next((place for place in stack if is_own(place.file)), stack[0] if stack else None)
    hint = "Run it in a process (`ProcessPoolExecutor`): native code that keeps the GIL blocks all."
    return Culprit(own, "", hint, stack)


def _task_of(thread: int) -> str | None:
    for loop in known_loops():
        if loop._thread_id == thread:
            task = asyncio.current_task(loop)
            return None if task is None else task.get_name()
    return None
