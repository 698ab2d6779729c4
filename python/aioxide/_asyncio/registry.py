"""How asyncio's own functions about tasks come to see native tasks.

``asyncio.all_tasks()`` reads a ``WeakSet`` up to Python 3.13, and to be in there
costs more than the rest of creating a task. Native tasks are linked to each other
instead, and that set is taught to yield them as well. It stays the same object:
the standard library's C code and modules that imported it hold references to it.
From 3.14 on asyncio links its tasks too, and ours are in its list.

Call graphs (Python 3.14) follow who awaits whom. Tasks note it themselves; what
is awaited through ``gather()``, ``TaskGroup`` or ``shield()`` is noted by two
functions of asyncio, which know asyncio's futures only.
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
        # The inherited operators build their result with this class. It holds
        # what it was given, native tasks included, and must not add them
        # again.
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
    """Make asyncio's functions about tasks see native tasks too.

    Doing it again changes nothing.
    """
    if sys.version_info >= (3, 14):
        for name in ("future_add_to_awaited_by", "future_discard_from_awaited_by"):
            native = getattr(_aioxide, name)
            setattr(futures, name, native)
            setattr(futures, f"_c_{name}", native)
            setattr(asyncio, name, native)
        return
    # Python 3.12 renamed it, when it gave eager tasks a set of their own.
    known = getattr(tasks, "_scheduled_tasks", None)
    if known is None:
        known = tasks._all_tasks
    if type(known) is WeakSet:
        known.__class__ = _TasksOfBothKinds
