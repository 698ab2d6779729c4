"""Which of asyncio's classes and functions are native here."""

from __future__ import annotations

import asyncio
import functools
import importlib
import sys
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

from .. import _aioxide
from .. import _patch_releases as _patch_releases  # looks at asyncio before anything is replaced
from . import as_completed, eager_tasks, streams

__all__ = ("NAMES", "reduce_function", "replacements")

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
    """Yield ``(module, name, native object)`` for each name to replace in asyncio.

    A name is replaced in two modules, the package and the module that defines
    it: asyncio's modules look up each other's names in the latter.
    """
    for module_name, names in NAMES.items():
        module = importlib.import_module(f"asyncio.{module_name}")
        for name in names:
            for home in (_aioxide, as_completed, eager_tasks, streams):
                if hasattr(home, name):  # Not every Python version has or needs all of them.
                    yield asyncio, name, getattr(home, name)
                    yield module, name, getattr(home, name)
                    break


def reduce_function(function: FunctionType) -> str | tuple[Any, ...]:
    """Return how ``pickle`` and ``copy`` find a native function.

    That is its name in asyncio, if it is installed under that name; else its name in this package.
    """
    place: Any = sys.modules.get(function.__module__)
    for name in function.__qualname__.split("."):
        place = getattr(place, name, None)
    if place is function:
        return function.__qualname__
    for name, home in vars(_aioxide).items():
        if home is function:
            return _native, (name,)
        if isinstance(home, type) and getattr(home, function.__name__, None) is function:
            return _native, (f"{name}.{function.__name__}",)
    raise LookupError(f"{function!r} is not a native function")


def _native(path: str) -> Any:
    return functools.reduce(getattr, path.split("."), _aioxide)
