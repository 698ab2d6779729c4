"""Exceptions that a recording keeps: those that end a task, and those that nobody handles."""

from __future__ import annotations

import asyncio
import sys
import traceback
import types
from collections.abc import Callable
from typing import Any

from .. import _aioxide
from .._loop.exceptions import observers

__all__ = ("Listener", "note_task_failure")


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


def note_task_failure(task: int, exception: BaseException) -> None:
    """Keep the exception that has ended a task; called for each one in a full trace."""
    _note(task, exception)


def _note(task: int, exception: BaseException) -> None:
    kind = type(exception)
    name = kind.__qualname__
    if kind.__module__ != "builtins":
        name = f"{kind.__module__}.{name}"
    try:
        text = str(exception)
        lines = "".join(traceback.format_exception(exception))
    except Exception as error:
        text = lines = f"(its text cannot be had: {type(error).__name__})"
    _aioxide._note_failure(task, name, text, lines)
