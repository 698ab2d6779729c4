"""Which of asyncio's own classes and functions are native here."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from . import _aioxide, completing, streams
from . import patch_releases as patch_releases  # looks at asyncio before anything is replaced

__all__ = ("NAMES", "replacements")

#: The public names that are native, or rest on what is, by the module of asyncio that defines them.
NAMES = {
    "locks": ("Barrier", "BoundedSemaphore", "Condition", "Event", "Lock", "Semaphore"),
    "queues": ("LifoQueue", "PriorityQueue", "Queue"),
    "futures": ("isfuture",),
    "streams": ("StreamReader", "StreamWriter", *streams.__all__),
    "tasks": (
        "as_completed",
        "create_task",
        "current_task",
        "ensure_future",
        "gather",
        "shield",
        "sleep",
        "wait",
        "wait_for",
    ),
    "taskgroups": ("TaskGroup",),
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
            homes = (_aioxide, completing, streams)
            native = next(getattr(home, name) for home in homes if hasattr(home, name))
            yield asyncio, name, native
            yield module, name, native
