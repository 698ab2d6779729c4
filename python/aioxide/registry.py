"""How ``asyncio.all_tasks()`` comes to see native tasks.

asyncio keeps each task in a ``WeakSet``, which costs more than the rest of
creating one. Native tasks are linked to each other instead, and the set that
asyncio reads is taught to yield them as well. It stays the same object: the
standard library's C code and modules that imported it hold references to it.
"""

from __future__ import annotations

from asyncio import tasks
from weakref import WeakSet

from ._aioxide import Task, _live_tasks

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
        yield from _live_tasks()

    def __len__(self) -> int:
        return super().__len__() + len(_live_tasks())

    def __contains__(self, item) -> bool:
        if isinstance(item, Task):
            return not item.done()
        return super().__contains__(item)

    def copy(self) -> WeakSet:
        """Return a plain set of the tasks of both kinds."""
        return WeakSet(self)


def show_native_tasks() -> None:
    """Make asyncio's set of all tasks yield native tasks too.

    Doing it again changes nothing.
    """
    # Python 3.12 renamed it, when it gave eager tasks a set of their own.
    known = getattr(tasks, "_scheduled_tasks", None)
    if known is None:
        known = tasks._all_tasks
    if type(known) is WeakSet:
        known.__class__ = _TasksOfBothKinds
