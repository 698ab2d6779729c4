"""How ``ensure_future()`` turns an awaitable into a coroutine."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

__all__ = ("wrap_awaitable",)

T = TypeVar("T")


# Programs inspect the coroutine of the resulting task. So this is a coroutine of
# the interpreter's, as in asyncio, and has asyncio's name.
async def wrap_awaitable(awaitable: Awaitable[T]) -> T:
    """Wait for ``awaitable`` and return its result."""
    return await awaitable


wrap_awaitable.__name__ = "_wrap_awaitable"
wrap_awaitable.__qualname__ = "ensure_future.<locals>._wrap_awaitable"
