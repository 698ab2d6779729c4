"""What the interpreter and the loop report themselves: warnings, and contexts of failures."""

from __future__ import annotations

import asyncio
import re
import warnings
from typing import Any

from .._loop import exceptions
from ..introspect import Place
from ..introspect._chains import chain
from ..introspect._places import own_place
from ..introspect._tasks import created
from ._findings import Finding, add, log
from ._lost_failure import LostFailure, raised_at
from ._noted import take_unclosed

__all__ = ("Reported",)

#: A frame of the traceback in a warning.
_FRAME = re.compile(r'^  File "(.*)", line (\d+), in (.*)$', re.MULTILINE)
_UNCLOSED = "unclosed (transport|event loop|.*StreamWriter)"
_DROPPED = "Task was destroyed but it is pending!"
_NOT_RETRIEVED = "exception was never retrieved"


class Reported:
    """Keeps and logs findings of what is reported elsewhere, while it is started.

    asyncio and the interpreter go on to log and warn; that about unclosed transports is shown,
    which the interpreter hides by default. They say neither where the object was made nor what to
    do.
    """

    def __init__(self, lost_failure: LostFailure) -> None:
        self._lost_failure = lost_failure
        self._before: Any = None
        self._filter: Any = None

    def start(self) -> None:
        """Begin to listen."""
        exceptions.observers.append(self._observe)
        warnings.filterwarnings("default", _UNCLOSED, ResourceWarning)
        self._filter = warnings.filters[0]
        self._before = warnings.showwarning
        warnings.showwarning = self._show

    def stop(self) -> None:
        """Stop listening."""
        if self._observe in exceptions.observers:
            exceptions.observers.remove(self._observe)
        # Somebody else may have replaced it since, and calls this one.
        if warnings.showwarning == self._show:
            warnings.showwarning = self._before
        if self._filter in warnings.filters:
            warnings.filters.remove(self._filter)

    def _show(
        self,
        message: Any,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: Any = None,
        line: str | None = None,
    ) -> None:
        self._before(message, category, filename, lineno, file, line)
        text, place = str(message), Place(filename, lineno, "")
        if issubclass(category, RuntimeWarning) and "was never awaited" in text:
            log(
                Finding(
                    "never-awaited",
                    text.splitlines()[0],
                    place=place,
                    created=_origin(text),
                    fix="Put `await` in front of the call.",
                )
            )
        elif issubclass(category, ResourceWarning) and text.startswith("unclosed "):
            log(
                Finding(
                    "never-closed",
                    text,
                    place=place,
                    created=take_unclosed(text),
                    fix="Close it, or use `async with`.",
                )
            )

    def _observe(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        message = str(context.get("message") or "")
        if message == _DROPPED:
            log(_dropped(context.get("task")))
        elif _NOT_RETRIEVED in message:
            error = context.get("exception")
            keep = add if self._lost_failure.was_logged(error) else log
            keep(
                Finding(
                    "exception-not-retrieved",
                    f"{message}: {type(error).__name__}: {error}",
                    place=raised_at(error),
                    created=created(context.get("task") or context.get("future")),
                    fix="Await the task, or look at `task.exception()`.",
                )
            )
        elif message.startswith("Unclosed "):
            log(Finding("never-closed", message, fix="Use `async with`, or close it."))


def _origin(text: str) -> Place | None:
    """Return where a coroutine was made, which its warning tells."""
    found = [Place(file, int(line), name) for file, line, name in _FRAME.findall(text)]
    return own_place(tuple(found))


def _dropped(task: Any) -> Finding:
    links = chain(task.get_coro()) if task is not None else []
    name = task.get_name() if task is not None else "?"
    return Finding(
        "task-dropped",
        f"task {name!r} was collected while it was pending, since nothing refers to it",
        place=own_place(tuple(link.place for link in links if link.place is not None)),
        created=created(task),
        fix="Keep the result of `create_task()`, or use a `TaskGroup`.",
    )
