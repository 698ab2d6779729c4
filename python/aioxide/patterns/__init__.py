"""Patterns that many asyncio programs need.

- ``RateLimiter``: limit the number of starts per second;
- ``retry``: repeat a failed operation after a pause;
- ``background`` and ``BackgroundScope``: run tasks that are not awaited, without losing
  them or their exceptions;
- ``map_concurrent``: call a coroutine function for many items, a bounded number at a time.

They use only asyncio's public API, so they run on every event loop::

    from aioxide.patterns import RateLimiter, map_concurrent, retry

    limiter = RateLimiter(20, per=1.0)

    @retry(attempts=4, on=OSError, timeout=10)
    async def fetch(url):
        async with limiter:
            return await client.get(url)

    async for page in map_concurrent(fetch, urls, limit=100):
        ...
"""

from __future__ import annotations

from .background import BackgroundScope, background
from .mapping import map_concurrent
from .rate_limiting import RateLimiter
from .retrying import Attempt, retry

__all__ = (
    "Attempt",
    "BackgroundScope",
    "RateLimiter",
    "background",
    "map_concurrent",
    "retry",
)
