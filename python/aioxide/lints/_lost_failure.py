"""Tasks that have failed, and nobody asks."""

from __future__ import annotations

import asyncio
import weakref
from typing import Any

from ..introspect import Place
from ..introspect._places import own_place
from ._findings import Finding, add
from ._view import View

__all__ = ("LostFailure",)

_PATIENCE = 10.0


class LostFailure:
    """Finds failed tasks whose exception nobody has retrieved.

    A finding is kept at once. It is logged when 10 s have passed and nobody awaits the task.
    asyncio logs it when the task is collected, as before.
    """

    def __init__(self) -> None:
        self._alive: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()
        #: By failed task: since when, and whether it was logged.
        self._failed: weakref.WeakKeyDictionary[asyncio.Task[Any], tuple[float, bool]] = (
            weakref.WeakKeyDictionary()
        )

    def look(self, view: View) -> list[Finding]:
        """Return the failures that are due to be logged."""
        found = []
        for task in list(self._alive):
            if task.done():
                self._alive.discard(task)
                if _is_lost(task):
                    self._failed[task] = (view.now, False)
                    add(_finding(task, 0.0))
        for task, (since, logged) in list(self._failed.items()):
            if not _is_lost(task):
                del self._failed[task]
            elif view.now - since >= _PATIENCE and not logged:
                self._failed[task] = (since, True)
                found.append(_finding(task, view.now - since))
        for each in view.seen:
            self._alive.add(each.task)
        return found


def _is_lost(task: asyncio.Task[Any]) -> bool:
    # What tells asyncio itself; a task that somebody awaits has a callback.
    return bool(getattr(task, "_log_traceback", False)) and not getattr(task, "_callbacks", None)


def _finding(task: asyncio.Task[Any], seconds: float) -> Finding:
    error = getattr(task, "_exception", None)
    coroutine = getattr(task.get_coro(), "__qualname__", "a coroutine")
    text = f"{type(error).__name__}: {error}" if error is not None else "an exception"
    return Finding(
        "exception-not-retrieved",
        f"task {task.get_name()!r} ({coroutine}) has failed, and nobody has asked: {text}",
        place=_raised_at(error),
        seconds=seconds,
        fix="Await the task, put it into a `TaskGroup`, or look at `task.exception()`.",
    )


def _raised_at(error: BaseException | None) -> Place | None:
    traceback = error.__traceback__ if error is not None else None
    places = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        places.append(Place(code.co_filename, traceback.tb_lineno or 0, code.co_qualname))
        traceback = traceback.tb_next
    return own_place(tuple(places))
