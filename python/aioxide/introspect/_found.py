"""What is known of a wait: its kind, its text, and what it is for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

__all__ = ("Found", "Wait", "named")


@dataclass(frozen=True, slots=True)
class Wait:
    """What a task waits for."""

    kind: str
    """``sleep``, ``future``, ``task``, ``gather``, ``wait``, ``lock``, ``event``, ``condition``,
    ``semaphore``, ``barrier``, ``queue get``, ``queue put``, ``queue join``, ``read``, ``write``,
    ``connect``, ``accept``, ``thread``, ``process``, ``name resolution``, ``rust future``,
    ``foreign future`` or ``task group``."""
    text: str
    """The same in words, with what is known about it."""
    tasks: tuple[int, ...] = ()
    """The ``id()`` of each task that it waits for, if it waits for tasks."""
    subject: int | None = None
    """The ``id()`` of the lock, queue, stream or other object that it waits for."""


@dataclass(frozen=True, slots=True)
class Found:
    """The same with the objects themselves, for this package."""

    kind: str
    text: str
    tasks: tuple[asyncio.Task[Any], ...] = ()
    subject: Any = None


def named(tasks: tuple[asyncio.Task[Any], ...]) -> str:
    """Return the names of tasks, in words; of more than three, the first ones."""
    names = [repr(task.get_name()) for task in tasks]
    if len(names) == 1:
        return f"task {names[0]}"
    shown = ", ".join(sorted(names)[:3])
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{len(names)} tasks: {shown}{more}" if names else "tasks"
