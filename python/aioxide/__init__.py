"""Python's asyncio, rebuilt in Rust.

This package has every public name of the running Python's ``asyncio``. The
event loop, futures, tasks, transports, locks, queues and streams are native;
the rest is the standard library's::

    import aioxide as asyncio

    async def main():
        await asyncio.sleep(1)
        print("hello")

    asyncio.run(main())

A program that imports ``asyncio`` needs no change: call ``install()`` before it
starts, or run it with ``python -m aioxide app.py``.
"""

from __future__ import annotations

from ._asyncio.sub_interpreters import refuse_sub_interpreters as _refuse_sub_interpreters

_refuse_sub_interpreters()

# ruff: noqa: E402
import asyncio as _stdlib
import os as _os
from asyncio import *  # noqa: F403

from . import _aioxide
from . import console as console
from ._aioxide import Barrier as Barrier
from ._aioxide import BoundedSemaphore as BoundedSemaphore
from ._aioxide import Condition as Condition
from ._aioxide import Event as Event
from ._aioxide import Future as Future
from ._aioxide import Handle as Handle
from ._aioxide import LifoQueue as LifoQueue
from ._aioxide import Lock as Lock
from ._aioxide import PriorityQueue as PriorityQueue
from ._aioxide import Queue as Queue
from ._aioxide import Semaphore as Semaphore
from ._aioxide import StreamReader as StreamReader
from ._aioxide import StreamWriter as StreamWriter
from ._aioxide import Task as Task
from ._aioxide import TaskGroup as TaskGroup
from ._aioxide import Timeout as Timeout
from ._aioxide import TimerHandle as TimerHandle
from ._aioxide import __version__ as __version__
from ._aioxide import create_task as create_task
from ._aioxide import current_task as current_task
from ._aioxide import ensure_future as ensure_future
from ._aioxide import gather as gather
from ._aioxide import iscoroutine as iscoroutine
from ._aioxide import isfuture as isfuture
from ._aioxide import run_coroutine_threadsafe as run_coroutine_threadsafe
from ._aioxide import shield as shield
from ._aioxide import sleep as sleep
from ._aioxide import timeout as timeout
from ._aioxide import timeout_at as timeout_at
from ._aioxide import to_thread as to_thread
from ._aioxide import wait as wait
from ._aioxide import wait_for as wait_for
from ._aioxide import wrap_future as wrap_future
from ._asyncio.as_completed import as_completed as as_completed
from ._asyncio.installation import install, uninstall
from ._asyncio.policy import EventLoopPolicy
from ._asyncio.registry import show_native_tasks as _show_native_tasks
from ._asyncio.runners import Runner as Runner
from ._asyncio.runners import run as run
from ._asyncio.streams import StreamReaderProtocol as StreamReaderProtocol
from ._asyncio.streams import open_connection as open_connection
from ._asyncio.streams import start_server as start_server
from .loop import Loop
from .loop import new_event_loop as new_event_loop
from .recording import dump_trace, record
from .recording._session import start_by_environment as _start_by_environment
from .server import Server as Server

if hasattr(_stdlib, "open_unix_connection"):
    from ._asyncio.streams import open_unix_connection as open_unix_connection
    from ._asyncio.streams import start_unix_server as start_unix_server
if hasattr(_stdlib, "EventLoop"):  # Python 3.13 and later
    EventLoop = Loop
if hasattr(_stdlib, "create_eager_task_factory"):  # Python 3.12 and later
    from ._asyncio.eager_tasks import eager_task_factory as eager_task_factory
if hasattr(_aioxide, "all_tasks"):  # from 3.14 on, asyncio's own also returns native tasks
    from ._aioxide import all_tasks as all_tasks

# Where names are that most programs never use: imported when somebody asks for one.
_LATER = {"metrics": "telemetry", "unwatch": "watchdog", "watch": "watchdog"}

# asyncio's list already contains the names that it shares with this package
# (Future, Handle, Runner, run).
__all__ = (
    *_stdlib.__all__,
    "EventLoopPolicy",
    "Loop",
    "dump_trace",
    "install",
    "record",
    "uninstall",
    *_LATER,
)

_show_native_tasks()
# Now, because nothing can be imported at interpreter exit, when a report may still be due.
_aioxide._load_names()
_start_by_environment()
console.start_by_environment()
if _os.environ.get("AIOXIDE_WATCH", "") not in ("", "0"):
    from .watchdog import watch_by_environment as _watch_by_environment

    _watch_by_environment(_os.environ["AIOXIDE_WATCH"])


def __getattr__(name: str):
    """Return a name that is imported late, or any other attribute of asyncio.

    The latter are submodules, and names that are not in ``__all__``.
    """
    if name in _LATER:
        from importlib import import_module

        return getattr(import_module(f".{_LATER[name]}", __name__), name)
    if not name.startswith("__"):
        try:
            return getattr(_stdlib, name)
        except AttributeError:
            pass
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
