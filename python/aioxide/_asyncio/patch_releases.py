"""Differences between patch releases of one Python version that aioxide follows.

They are read from asyncio when aioxide is imported, before ``install()`` replaces its names.
"""

from __future__ import annotations

import inspect
from asyncio import taskgroups, tasks
from collections.abc import Callable
from types import CodeType
from typing import Any

__all__ = (
    "AS_COMPLETED_GIVES_BACK",
    "SHIELD_REPORTS",
    "SHIELD_TAKES_NOTE",
    "TASK_GROUP_HAS_AEXIT",
)


def _names(function: Callable[..., Any] | None, inner: str | None = None) -> tuple[str, ...]:
    """Return the names that a function, or one defined in it, looks up, in that order."""
    code = getattr(inspect.unwrap(function), "__code__", None) if function else None
    if code is not None and inner is not None:
        inside = (const for const in code.co_consts if isinstance(const, CodeType))
        code = next((it for it in inside if it.co_name == inner), None)
    return code.co_names if code is not None else ()


def _shield_takes_note() -> bool:
    # In releases that do, the callback calls exception() before cancel().
    names = _names(tasks.shield, "_inner_done_callback")
    wanted = [name for name in names if name in ("exception", "cancel")]
    return wanted == ["exception", "cancel"]


#: Whether ``shield`` marks an exception as retrieved if the wait was cancelled before.
SHIELD_TAKES_NOTE = _shield_takes_note()

#: The callback by which ``shield`` reports such an exception; None if it does not report it.
SHIELD_REPORTS = getattr(tasks, "_log_on_exception", None)

#: Whether a cancelled wait of ``as_completed`` leaves its future to the next wait.
AS_COMPLETED_GIVES_BACK = "_todo_left" in _names(
    getattr(getattr(tasks, "_AsCompletedIterator", None), "_wait_for_one", None)
)

#: Whether ``TaskGroup.__aexit__`` awaits another coroutine, ``_aexit``, which does the work.
TASK_GROUP_HAS_AEXIT = hasattr(taskgroups.TaskGroup, "_aexit")
