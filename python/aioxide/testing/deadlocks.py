"""Deadlocks on virtual time, and what each task waits for."""

from __future__ import annotations

import asyncio
from types import FrameType

__all__ = ("DeadlockError",)

#: A chain of coroutines that is longer contains a cycle.
_LONGEST_CHAIN = 10_000


class DeadlockError(RuntimeError):
    """Nothing is ready, no timer is set, and no event can come from outside.

    The message lists the pending tasks, what each waits for, and where.

    Attributes:
        tasks: the pending tasks, sorted by name.
    """

    def __init__(self, tasks: list[asyncio.Task]) -> None:
        self.tasks = tuple(sorted(tasks, key=lambda task: task.get_name()))
        if self.tasks:
            lines = "".join(f"\n  {describe(task)}" for task in self.tasks)
            message = f"nothing can happen any more, and these tasks wait:{lines}"
        else:
            message = "nothing can happen any more, and no task is left to wait"
        super().__init__(message)


def describe(task: asyncio.Task) -> str:
    """Return one line about what ``task`` waits for and where."""
    place, awaited = _innermost(task.get_coro())
    waiter = task._fut_waiter
    if isinstance(waiter, asyncio.Task):
        what = f"task {waiter.get_name()!r}"
    elif awaited is not None:
        what = f"{awaited}()"
    else:
        what = repr(waiter)
    return f"task {task.get_name()!r} waits for {what}{place}"


def _innermost(coroutine) -> tuple[str, str | None]:
    """Follow the chain of awaited coroutines.

    Returns:
        The innermost line of the program's own code, and the name of asyncio's
        coroutine that is awaited there; None if a future is awaited.
    """
    place, awaited = "", None
    for _ in range(_LONGEST_CHAIN):
        if coroutine is None:
            break
        frame = _first_of(coroutine, "cr_frame", "gi_frame", "ag_frame")
        name = getattr(coroutine, "__qualname__", None)
        if frame is not None and not _is_asyncios(frame):
            place = f", {frame.f_code.co_filename}:{frame.f_lineno} in {name}"
            awaited = None
        elif name is not None and awaited is None and _is_coroutine(coroutine):
            awaited = name
        coroutine = _first_of(coroutine, "cr_await", "gi_yieldfrom", "ag_await")
    return place, awaited


def _first_of(coroutine, *names: str):
    for name in names:
        value = getattr(coroutine, name, None)
        if value is not None:
            return value
    return None


def _is_asyncios(frame) -> bool:
    if not isinstance(frame, FrameType):
        return True  # what stands in for the frame of a native coroutine
    module = frame.f_globals.get("__name__", "")
    return module.partition(".")[0] in ("asyncio", "aioxide")


def _is_coroutine(awaited) -> bool:
    return any(hasattr(awaited, name) for name in ("cr_await", "gi_yieldfrom", "ag_await"))
