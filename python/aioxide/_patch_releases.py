"""Differences between patch releases of one Python version that aioxide follows.

They are read from asyncio when aioxide is imported, before ``install()`` replaces its names.
"""

from __future__ import annotations

import inspect
import sys
from asyncio import base_events, futures, locks, taskgroups, tasks, unix_events
from collections.abc import Callable
from types import CodeType
from typing import Any

__all__ = (
    "AS_COMPLETED_GIVES_BACK",
    "BARRIER_NEEDS",
    "CHAIN_ASKS_RUNNING_LOOP",
    "SENDFILE_MOVES_ALWAYS",
    "SERVE_FOREVER_CLOSES_CLIENTS",
    "SHIELD_REPORTS",
    "SHIELD_TAKES_NOTE",
    "START_TLS_HANDS_OVER",
    "TASK_GROUP_ASKS",
    "TASK_GROUP_HAS_AEXIT",
    "TASK_REFUSES_CONTEXTS",
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

#: Whether ``TaskGroup.__aexit__`` awaits another coroutine, ``_aexit``, which does the work, and
#: drops the group's references to exceptions afterwards.
TASK_GROUP_HAS_AEXIT = hasattr(taskgroups.TaskGroup, "_aexit")

#: Whether a cancelled ``serve_forever`` closes the server's connections.
SERVE_FOREVER_CLOSES_CLIENTS = "close_clients" in _names(base_events.Server.serve_forever)


def _barrier_needs() -> str:
    try:
        locks.Barrier(0)
    except ValueError as error:
        return str(error)
    return "parties must be >= 1"


#: The text of the error for a barrier of nobody.
BARRIER_NEEDS = _barrier_needs()

#: Whether the outcome of a chained future is passed on at once in the running loop, and not in
#: the loop of the other future.
CHAIN_ASKS_RUNNING_LOOP = "_get_running_loop" in _names(futures._chain_future, "_call_check_cancel")

#: Whether a task refuses a context that is none.
TASK_REFUSES_CONTEXTS = "Context" in _names(tasks._PyTask.__init__)

#: Whether ``create_task`` of a group asks if the task has ended already, in its eager first step.
TASK_GROUP_ASKS = "done" in _names(taskgroups.TaskGroup.create_task)

#: Whether ``start_tls`` hands unread bytes of a stream over to TLS. Early releases of 3.14 do not.
START_TLS_HANDS_OVER = sys.version_info >= (3, 14) or "_incoming" in _names(
    base_events.BaseEventLoop.start_tls
)


def _sendfile_moves_always() -> bool:
    # The position was set if a third argument, the bytes sent, was not zero.
    loop = unix_events._UnixSelectorEventLoop
    function = getattr(loop, "_sock_sendfile_update_filepos", None)
    return function is None or "total_sent" not in inspect.signature(function).parameters


#: Whether ``sendfile`` sets the file's position even if nothing is sent.
SENDFILE_MOVES_ALWAYS = _sendfile_moves_always()
