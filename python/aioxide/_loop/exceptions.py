"""Exceptions that no code of the program can catch, and how they are reported."""

from __future__ import annotations

import sys
import traceback
from asyncio.log import logger
from collections.abc import Callable

from .._aioxide import LoopCore

__all__ = ("ExceptionHandling", "observers")

#: Called with each loop and context before the handler. They do not raise.
observers: list[Callable[[LoopCore, dict], None]] = []

# Keys whose values are recorded stacks, and their headings in the log.
_STACK_HEADINGS = {
    "source_traceback": "Object created at (most recent call last):\n",
    "handle_traceback": "Handle created at (most recent call last):\n",
}


class ExceptionHandling(LoopCore):
    """The loop's exception handler: the default one, or the program's own."""

    __slots__ = ()  # See Loop.

    def __init__(self) -> None:
        super().__init__()
        self._exception_handler = None

    def get_exception_handler(self):
        """Return the handler that was set, or None for the default one."""
        return self._exception_handler

    def set_exception_handler(self, handler) -> None:
        """Set what ``call_exception_handler()`` calls.

        Arguments:
            handler: a callable ``handler(loop, context)``, or None for the
                default handler.

        Raises:
            TypeError: ``handler`` is neither callable nor None.
        """
        if handler is not None and not callable(handler):
            raise TypeError(f"A callable object or None is expected, got {handler!r}")
        self._exception_handler = handler

    def default_exception_handler(self, context: dict) -> None:
        """Log ``context`` at level ERROR to the logger ``asyncio``.

        Arguments:
            context: as for ``call_exception_handler()``. Recorded stacks in it
                are written out as tracebacks.
        """
        exception = context.get("exception")
        exc_info = False
        if exception is not None:
            exc_info = (type(exception), exception, exception.__traceback__)

        if "source_traceback" not in context:
            handle = getattr(self, "_current_handle", None)
            stack = getattr(handle, "_source_traceback", None)
            if stack:
                context["handle_traceback"] = stack

        lines = [context.get("message") or "Unhandled exception in event loop"]
        for key in sorted(context):
            if key not in ("message", "exception"):
                lines.append(f"{key}: {_describe(key, context[key])}")
        logger.error("\n".join(lines), exc_info=exc_info)

    def call_exception_handler(self, context: dict) -> None:
        """Report an exception that no code of the program can receive.

        An exception from the handler itself is logged, never raised, unless it
        is ``SystemExit`` or ``KeyboardInterrupt``. From Python 3.12 on, the
        program's handler runs in the context (``contextvars``) of the task,
        future or handle that is reported.

        Arguments:
            context: a description of the failure. It always has ``message``, and
                where they apply ``exception``, ``future``, ``task``, ``handle``,
                ``protocol``, ``transport``, ``socket``, ``asyncgen``,
                ``source_traceback`` and ``handle_traceback``.

        https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.call_exception_handler
        """
        for observe in tuple(observers):
            observe(self, context)
        if self._exception_handler is None:
            self._handle_by_default(context, "Exception in default exception handler")
            return
        try:
            call = _caller_for(context)
            call(self._exception_handler, self, context)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self._handle_by_default(
                {
                    "message": "Unhandled error in exception handler",
                    "exception": exc,
                    "context": context,
                },
                "Exception in default exception handler while handling "
                "an unexpected error in custom exception handler",
            )

    def _handle_by_default(self, context: dict, failure: str) -> None:
        try:
            self.default_exception_handler(context)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException:
            # A subclass may override the default handler, and values in the
            # context may fail to give a repr.
            logger.error(failure, exc_info=True)


def _describe(key: str, value) -> str:
    heading = _STACK_HEADINGS.get(key)
    if heading is None:
        return repr(value)
    return heading + "".join(traceback.format_list(value)).rstrip()


def _caller_for(context: dict):
    """Return a function that calls another one in the context of the reported object."""
    if sys.version_info >= (3, 12):
        for key in ("task", "future", "handle"):
            reported = context.get(key)
            if reported is None:
                continue
            # Only the first one counts. A plain future has no context.
            if hasattr(reported, "get_context"):
                run = getattr(reported.get_context(), "run", None)
                if run is not None:
                    return run
            break
    return _call


def _call(function, *args):
    return function(*args)
