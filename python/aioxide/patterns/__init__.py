"""What asyncio programs write again and again, written once.

- ``RateLimiter``: no more than so many per second;
- ``retry``: try again what failed, after a pause;
- ``background`` and ``BackgroundScope``: tasks that nobody waits for, of which none is
  lost;
- ``map_concurrent``: a coroutine function over many items, a bounded number at a time.

They use nothing but asyncio's public interface, so they run on every event loop::

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
