"""Programs that do not come to an end."""

from __future__ import annotations

import os
import sys
import threading
import types
from typing import Any

from ..introspect import Place
from ..introspect._places import own_place
from ..introspect._tasks import live_tasks, look_at
from ._findings import Finding
from ._view import View, place_of

__all__ = ("SlowShutdown",)

_LONGEST = 5.0
_RUNNERS = os.path.join("asyncio", "runners.py")
_SHOWN = 5


class SlowShutdown:
    """Finds threads in which ``asyncio.run()`` or a ``Runner`` has been closing for 5 s."""

    def __init__(self) -> None:
        #: By thread: since when, and whether it was reported.
        self._before: dict[int, tuple[float, bool]] = {}

    def look(self, view: View) -> list[Finding]:
        """Return the threads whose runner takes too long."""
        found, current = [], {}
        frames = sys._current_frames()
        for thread, frame in frames.items():
            closing = _closing(frame)
            if closing is None:
                continue
            since, reported = self._before.get(thread, (view.now, False))
            if view.now - since >= _LONGEST and not reported:
                reported = True
                found.append(_finding(frames, *closing, view.now - since))
            current[thread] = (since, reported)
        self._before = current
        return found


def _closing(frame: types.FrameType | None) -> tuple[str, Any] | None:
    """Return the name of the function that a closing runner waits in, and the runner's loop."""
    inner = None
    while frame is not None:
        code = frame.f_code
        if code.co_filename.endswith(_RUNNERS):
            if code.co_name in ("_cancel_all_tasks", "close"):
                inner = inner or code.co_name
            if code.co_name == "close":
                return inner, frame.f_locals.get("loop")
        frame = frame.f_back
    return None


def _finding(frames: dict[int, types.FrameType], step: str, loop: Any, seconds: float) -> Finding:
    # From 3.14 on, tasks of asyncio's loops in other threads are known to those alone who ask for
    # them by the loop. Other loops have nothing to do with it anyway.
    live = live_tasks(loop) if loop is not None else []
    tasks = [each for each in look_at(live) if each.info.coroutine.rpartition(".")[2] not in _OWN]
    waits, place = [], None
    for each in tasks[:_SHOWN]:
        where = place_of(each)
        place = place or where
        at = f" at {where.file}:{where.line}" if where is not None else ""
        waits.append(f"task {each.info.name!r}{at}")
    if step == "close":
        for where in _places_of_threads(frames)[:_SHOWN]:
            place = place or where
            waits.append(f"a thread at {where.file}:{where.line}")
    more = len(tasks) - _SHOWN
    if more > 0:
        waits.append(f"{more} more tasks")
    return Finding(
        "slow-shutdown",
        f"asyncio.run() has been ending for {seconds:.0f} s; it waits for "
        f"{', '.join(waits) or 'asynchronous generators or threads'}",
        place=place,
        seconds=seconds,
        victims=tuple(each.info.name for each in tasks),
        fix="End tasks on cancellation, and give calls in threads a timeout.",
    )


#: The tasks of the shutdown itself.
_OWN = ("shutdown_default_executor", "shutdown_asyncgens")


def _places_of_threads(frames: dict[int, types.FrameType]) -> list[Place]:
    """Return where the threads are that a loop or an executor has started."""
    others = {
        thread.ident: thread.name
        for thread in threading.enumerate()
        if not thread.name.startswith(("asyncio_", "ThreadPoolExecutor"))
    }
    found = []
    for thread, frame in frames.items():
        if thread in others:
            continue
        stack = []
        inner: types.FrameType | None = frame
        while inner is not None:
            code = inner.f_code
            stack.append(Place(code.co_filename, inner.f_lineno or 0, code.co_qualname))
            inner = inner.f_back
        place = own_place(tuple(reversed(stack)))
        if place is not None:
            found.append(place)
    return found
