"""Tasks that have failed, and nobody asks."""

from __future__ import annotations

import asyncio
import weakref
from typing import Any, NamedTuple

from .. import _aioxide
from ..introspect import Place
from ..introspect._places import own_place
from ._findings import Finding, add
from ._noted import failed, place_made
from ._view import View

__all__ = ("LostFailure", "raised_at")

_PATIENCE = 10.0


class _Origin(NamedTuple):
    """Where a task was made, and the number under which it is recorded."""

    created: Place | None
    number: int


class _Failure(NamedTuple):
    """A task that has failed."""

    since: float
    origin: _Origin
    error: int
    logged: bool


class LostFailure:
    """Finds failed tasks whose exception nobody has retrieved.

    A finding is kept at once. It is logged when 10 s have passed and nobody awaits the task, or
    when the task is collected.
    """

    def __init__(self) -> None:
        #: By task that is not done: what is not known any more when it is.
        self._alive: weakref.WeakKeyDictionary[asyncio.Task[Any], _Origin] = (
            weakref.WeakKeyDictionary()
        )
        self._failed: weakref.WeakKeyDictionary[asyncio.Task[Any], _Failure] = (
            weakref.WeakKeyDictionary()
        )

        #: The addresses of exceptions that were logged and nobody has retrieved. By the time that
        #: such a task is collected, nothing refers to it weakly.
        self._logged: set[int] = set()

    def look(self, view: View) -> list[Finding]:
        """Return the failures that are due to be logged."""
        found = []
        # It may not have been alive at any look.
        ended = {task: _Origin(place_made(task), number) for task, number in failed()}
        for task, origin in list(self._alive.items()):
            if task.done():
                self._alive.pop(task, None)
                ended[task] = origin
        for task, origin in ended.items():
            if _is_lost(task) and task not in self._failed:
                error = id(getattr(task, "_exception", None))
                self._failed[task] = _Failure(view.now, origin, error, False)
                add(_finding(task, origin, 0.0))
        for task, failure in list(self._failed.items()):
            if not _is_lost(task):
                del self._failed[task]
            elif view.now - failure.since >= _PATIENCE and not failure.logged:
                self._failed[task] = failure._replace(logged=True)
                found.append(_finding(task, failure.origin, view.now - failure.since))
        for each in view.seen:
            number = _aioxide._task_id(each.task) or 0
            self._alive[each.task] = _Origin(each.info.created, number)
        self._logged = {each.error for each in self._failed.values() if each.logged}
        return found

    def was_logged(self, error: BaseException | None) -> bool:
        """Return whether the exception of a task that is being collected was logged."""
        return id(error) in self._logged


def _is_lost(task: asyncio.Task[Any]) -> bool:
    # What tells asyncio itself; a task that somebody awaits has a callback.
    return bool(getattr(task, "_log_traceback", False)) and not getattr(task, "_callbacks", None)


def _finding(task: asyncio.Task[Any], origin: _Origin, seconds: float) -> Finding:
    error = getattr(task, "_exception", None)
    coroutine = getattr(task.get_coro(), "__qualname__", "a coroutine")
    text = f"{type(error).__name__}: {error}" if error is not None else "an exception"
    place = raised_at(error)
    at = f" at {place.file}:{place.line}" if place is not None else ""
    ago = f" {seconds:.0f} s ago" if seconds else ""
    return Finding(
        "exception-not-retrieved",
        f"task {task.get_name()!r} ({coroutine}) failed{ago}{at}, and nobody has asked: {text}",
        place=place,
        created=origin.created,
        seconds=seconds,
        task=origin.number,
        fix="Await the task, put it into a `TaskGroup`, or look at `task.exception()`.",
    )


def raised_at(error: BaseException | None) -> Place | None:
    """Return the program's own line that has raised an exception."""
    traceback = error.__traceback__ if error is not None else None
    places = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        places.append(Place(code.co_filename, traceback.tb_lineno or 0, code.co_qualname))
        traceback = traceback.tb_next
    return own_place(tuple(places))
