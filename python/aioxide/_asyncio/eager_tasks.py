"""``eager_task_factory``: asyncio's own factory function, for native tasks.

It is a function of Python's on purpose: programs look at its ``__code__`` to tell
a task that has begun eagerly.
"""

from __future__ import annotations

import asyncio

from .._aioxide import Task

__all__ = ()

if hasattr(asyncio, "create_eager_task_factory"):  # Python 3.12 and later
    __all__ = ("eager_task_factory",)
    eager_task_factory = asyncio.create_eager_task_factory(Task)
