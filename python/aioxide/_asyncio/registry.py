"""Make asyncio's functions about tasks include native tasks.

``asyncio.all_tasks()`` reads a ``WeakSet`` up to Python 3.13. Adding a task to it
costs more than the rest of creating the task. Instead, native tasks form a linked
list, and the set gets a subclass that yields them as well. It stays the same
object: the standard library's C code and modules that imported it hold references
to it. From 3.14 on asyncio has a linked list too, and native tasks are in it.

Call graphs (Python 3.14) follow which future is awaited by which task. Tasks
record this themselves; for ``gather()``, ``TaskGroup`` and ``shield()`` two
functions of asyncio record it, which accept only asyncio's futures.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio import futures, tasks
from weakref import WeakSet

from .. import _aioxide
from .._aioxide import Task

__all__ = ("show_native_tasks",)


class _TasksOfBothKinds(WeakSet):
    """asyncio's set of tasks, followed by the native tasks that are not done."""

    def __new__(cls, *args):
        # The inherited operators build their result with this class. The result
        # already contains the native tasks, and must not add them again.
        return WeakSet(*args)

    def __iter__(self):
        yield from super().__iter__()
        yield from _aioxide._live_tasks()

    def __len__(self) -> int:
        return super().__len__() + len(_aioxide._live_tasks())

    def __contains__(self, item) -> bool:
        if isinstance(item, Task):
            return not item.done()
        return super().__contains__(item)

    def copy(self) -> WeakSet:
        """Return a plain set of the tasks of both kinds."""
        return WeakSet(self)


def show_native_tasks() -> None:
    """Make asyncio's functions about tasks include native tasks.

    A second call changes nothing.
    """
    if sys.version_info >= (3, 14):
        for name in ("future_add_to_awaited_by", "future_discard_from_awaited_by"):
            native = getattr(_aioxide, name)
            setattr(futures, name, native)
            setattr(futures, f"_c_{name}", native)
            setattr(asyncio, name, native)
        return
    # Renamed in Python 3.12, where eager tasks got a set of their own.
    known = getattr(tasks, "_scheduled_tasks", None)
    if known is None:
        known = tasks._all_tasks
    if type(known) is WeakSet:
        known.__class__ = _TasksOfBothKinds
