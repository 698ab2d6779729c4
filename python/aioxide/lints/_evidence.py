"""Whether those who have a lock or a semaphore are the only ones who can release it.

Anybody may release a lock or a semaphore, and many programs use a semaphore in this way: one task
acquires, and another task, a timer or a callback releases. Then a task that waits for it waits for
nobody in particular, and least of all for itself.
"""

from __future__ import annotations

import enum
import threading
from typing import Any

from .. import _aioxide
from .._loop.forking import known_loops
from ..introspect._tasks import Seen
from ._view import View

__all__ = ("Evidence", "evidence_of", "may_anything_else_run", "permits_of")


class Evidence(enum.Enum):
    """What is known of a lock or a semaphore that a task waits for."""

    NONE = 1
    """Somebody may release it who is not known, or a task that did not have it once has."""
    ACQUIRED = 2
    """All who have it are known, but some have called ``acquire()``: another task, a timer or a
    callback may be meant to release it."""
    OWNED = 3
    """All who have it are known, and will release it themselves: they are inside ``async with``, or
    it was released by the tasks that had it, and by nobody else, before."""


def evidence_of(view: View, seen: Seen) -> Evidence:
    """Return what is known of the lock or semaphore that a task waits for."""
    found = seen.found
    if found is None or found.subject is None:
        return Evidence.NONE
    subject, held = found.subject, view.holders.get(id(found.subject), ())
    given_back, is_signal = _aioxide._recorded_releases(subject)
    if is_signal or (found.kind == "semaphore" and permits_of(subject) != len(held)):
        return Evidence.NONE
    if id(subject) in view.acquired and not given_back:
        return Evidence.ACQUIRED
    return Evidence.OWNED


def permits_of(semaphore: Any) -> int | None:
    """Return how many permits of a semaphore nobody can acquire now; None if that is not known.

    It is known of a ``BoundedSemaphore``, and of one of aioxide's. Neither counts a permit that was
    released without being acquired before, unless that was recorded.
    """
    recorded = _aioxide._recorded_holders(semaphore)
    if recorded is not None:
        return len(recorded)
    bound = getattr(semaphore, "_bound_value", None)
    return bound if isinstance(bound, int) else _aioxide._permits(semaphore)


def may_anything_else_run(view: View, stuck: set[int]) -> bool:
    """Return whether anything is left in the process but these tasks, which are stuck.

    A task, a callback, a timer, a watched descriptor, a handler of a signal, or a thread.
    """
    if any(each.info.id not in stuck for each in view.seen):
        return True
    loops = [loop for loop in known_loops() if loop.is_running()]
    others = {each.task.get_loop() for each in view.seen} - set(loops)
    if others or any(_may_act(loop) for loop in loops):
        return True
    known = {loop._thread_id for loop in loops} | {threading.get_ident()}
    return any(thread.ident not in known for thread in threading.enumerate())


def _may_act(loop: Any) -> bool:
    timers = any(not timer.cancelled() for timer in loop._scheduled)
    return bool(timers or loop._ready or loop._signal_handlers or loop._is_watching())
