"""Which of asyncio's own classes and functions are native here."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from . import _aioxide, completing, eager_tasks, streams
from . import patch_releases as patch_releases  # looks at asyncio before anything is replaced

__all__ = ("NAMES", "replacements")

#: The public names that are native, or rest on what is, by the module of asyncio that defines them.
NAMES = {
    "locks": ("Barrier", "BoundedSemaphore", "Condition", "Event", "Lock", "Semaphore"),
    "queues": ("LifoQueue", "PriorityQueue", "Queue"),
    "coroutines": ("iscoroutine",),
    "futures": ("isfuture", "wrap_future"),
    "streams": ("StreamReader", "StreamWriter", *streams.__all__),
    "tasks": (
        "all_tasks",
        "as_completed",
        "create_task",
        "current_task",
        "eager_task_factory",
        "ensure_future",
        "gather",
        "run_coroutine_threadsafe",
        "shield",
        "sleep",
        "wait",
        "wait_for",
    ),
    "taskgroups": ("TaskGroup",),
    "threads": ("to_thread",),
    "timeouts": ("Timeout", "timeout", "timeout_at"),
}


def replacements() -> Iterator[tuple[ModuleType, str, Any]]:
    """Yield each place in asyncio where a name belongs, and what is native.

    A name has two places, the package and the module that defines it: the
    modules of asyncio refer to each other's names through the latter.
    """
    for module_name, names in NAMES.items():
        module = importlib.import_module(f"asyncio.{module_name}")
        for name in names:
            for home in (_aioxide, completing, eager_tasks, streams):
                if hasattr(home, name):  # Not every Python has, or needs, all of them.
                    yield asyncio, name, getattr(home, name)
                    yield module, name, getattr(home, name)
                    break
