"""``eager_task_factory``: asyncio's factory function, for native tasks.

It must be a Python function: programs compare its ``__code__`` to recognise a task
that was started eagerly.
"""

from __future__ import annotations

import asyncio

from .._aioxide import Task

__all__ = ()

if hasattr(asyncio, "create_eager_task_factory"):  # Python 3.12 and later
    __all__ = ("eager_task_factory",)
    eager_task_factory = asyncio.create_eager_task_factory(Task)
