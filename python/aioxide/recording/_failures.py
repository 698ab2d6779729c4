"""Exceptions that a recording keeps: those that end a task, and those that nobody handles."""

from __future__ import annotations

import asyncio
import collections
import sys
import traceback
import types
from collections.abc import Callable
from typing import Any

from .. import _aioxide
from .._loop.exceptions import observers

__all__ = ("Listener", "note_task_failure")

#: The last exceptions that have ended tasks: the task's number, ``id()``, class and text of the
#: exception, which would keep its frames alive.
_noted: collections.deque[tuple[int, int, str, str]] = collections.deque(maxlen=64)


class Listener:
    """Keeps exceptions that are not handled, and calls a function after each."""

    def __init__(self, then: Callable[[], None]) -> None:
        self._then = then
        self._old_hook: Callable[..., object] | None = None
        # Bound once: `is` has to find it again.
        self._hook = self._save_and_report

    def start(self) -> None:
        """Begin to listen."""
        observers.append(self._note_unhandled)
        self._old_hook = sys.excepthook
        sys.excepthook = self._hook

    def stop(self) -> None:
        """Stop listening."""
        if self._note_unhandled in observers:
            observers.remove(self._note_unhandled)
        if sys.excepthook is self._hook and self._old_hook is not None:
            sys.excepthook = self._old_hook

    def _note_unhandled(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """An exception was reported to a loop's exception handler."""
        exception = context.get("exception")
        if not isinstance(exception, BaseException):
            return
        task = context.get("task") or context.get("future")
        _note(_aioxide._task_id(task) or 0, exception)
        self._then()

    def _save_and_report(
        self,
        kind: type[BaseException],
        exception: BaseException,
        where: types.TracebackType | None,
    ) -> None:
        """In place of ``sys.excepthook``: an exception ends the program."""
        if isinstance(exception, Exception):
            _note(0, exception)
            self._then()
        (self._old_hook or sys.__excepthook__)(kind, exception, where)


def note_task_failure(task: int, exception: BaseException, traced: bool) -> None:
    """Keep the exception that has ended a task; called for each one.

    Somebody may retrieve it, and programs may end many tasks so. The traceback, which takes
    long, is read if ``traced`` says so: for a full trace.
    """
    _note(task, exception, traced)


def _note(task: int, exception: BaseException, traced: bool = True) -> None:
    kind = type(exception)
    name = kind.__qualname__
    if kind.__module__ != "builtins":
        name = f"{kind.__module__}.{name}"
    try:
        text = _encodable(str(exception))
        lines = _encodable("".join(traceback.format_exception(exception))) if traced else ""
    except Exception as error:
        text = lines = f"(its text cannot be had: {type(error).__name__})"
    seen = id(exception), name, text
    if task:
        _noted.append((task, *seen))
    else:
        # The exception of a task that comes out of the program, or that nobody has retrieved.
        task = next((each[0] for each in reversed(_noted) if each[1:] == seen), 0)
    _aioxide._note_failure(task, name, text, lines)


def _encodable(text: str) -> str:
    """Return the text without lone surrogates, which no file can hold."""
    return text.encode("utf-8", "backslashreplace").decode()
