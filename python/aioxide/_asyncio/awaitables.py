"""What ``ensure_future()`` makes of an awaitable that is no coroutine."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

__all__ = ("wrap_awaitable",)

T = TypeVar("T")


# Programs look at the coroutine of the task that comes of it; this one is a
# coroutine of the interpreter's, as with asyncio, and has asyncio's name.
async def wrap_awaitable(awaitable: Awaitable[T]) -> T:
    """Wait for ``awaitable`` and return its result."""
    return await awaitable


wrap_awaitable.__name__ = "_wrap_awaitable"
wrap_awaitable.__qualname__ = "ensure_future.<locals>._wrap_awaitable"
