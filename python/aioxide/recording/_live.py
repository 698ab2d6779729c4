"""What the console asks of Python: the stack of a task, what tasks wait for, cancellation.

Called in a thread of the console's, with the GIL.
"""

from __future__ import annotations

import asyncio
import sys

from .. import _aioxide
from .._loop.forking import known_loops

__all__ = ("cancel", "explain", "stack")

#: Words of ``introspect`` for which the trace format has others.
_KINDS = {"wait": "gather"}


def stack(number: int) -> list[tuple[str, int, str]] | None:
    """Return the frames of the recorded task ``number``, the outermost first.

    Of a task that runs, the frames of its thread from its coroutine on.

    Returns:
        File, line and qualified name of each; None if there is no such task.
    """
    # Not at the top: this module is imported with the package.
    from ..introspect._chains import chain

    found = _find(number)
    if found is None:
        return None
    loop, task = found
    coroutine = task.get_coro()
    running = _running_stack(loop, coroutine)
    if running is not None:
        return running
    frames = []
    for link in chain(coroutine):
        if link.place is not None:
            frames.append((link.place.file, max(link.place.line, 0), link.place.function))
    return frames


def cancel(number: int) -> str | None:
    """Cancel the recorded task ``number``, in its loop's next iteration.

    Returns:
        None, or why it is not done.
    """
    found = _find(number)
    if found is None:
        return f"there is no task {number}"
    loop, task = found
    try:
        loop.call_soon_threadsafe(task.cancel)
    except RuntimeError as error:
        return str(error)
    return None


def explain(numbers: list[int]) -> list[tuple[int, str, str]]:
    """Return what these recorded tasks wait for.

    Returns:
        Number, kind and text of each that waits; the text goes on where the kind has ended.
    """
    from ..introspect._tasks import look_at

    wanted, found = set(numbers), {}
    for loop in known_loops():
        if not loop.is_closed():
            for task in asyncio.all_tasks(loop):
                number = _aioxide._task_id(task)
                if number in wanted:
                    found[task] = number
    explained = []
    for seen in look_at(list(found)):
        wait = seen.info.waits_for
        if wait is not None:
            kind = _KINDS.get(wait.kind, wait.kind)
            text = wait.text.removeprefix("task ").removeprefix("a ").removeprefix("an ")
            explained.append((found[seen.task], kind, "" if text == kind else text))
    return explained


def _find(number: int) -> tuple[asyncio.AbstractEventLoop, asyncio.Task] | None:
    for loop in known_loops():
        if loop.is_closed():
            continue
        for task in asyncio.all_tasks(loop):
            if _aioxide._task_id(task) == number:
                return loop, task
    return None


def _running_stack(loop, coroutine) -> list[tuple[str, int, str]] | None:
    """The frames of the thread that runs ``coroutine``; None if it is suspended."""
    if not getattr(coroutine, "cr_running", False):
        return None
    frame = sys._current_frames().get(loop._thread_id)
    frames = []
    first = getattr(coroutine, "cr_frame", None)
    while frame is not None:
        frames.append((frame.f_code.co_filename, frame.f_lineno or 0, frame.f_code.co_qualname))
        if frame is first:
            break
        frame = frame.f_back
    return frames[::-1]
