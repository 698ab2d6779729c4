"""What asyncio does not have: ``aioxide.patterns`` and ``aioxide.testing``."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import assert_type

import aioxide
from aioxide import patterns, testing


async def square(value: int) -> int:
    return value * value


@patterns.retry(attempts=3, backoff=0, on=OSError, timeout=5)
async def fetch(url: str, *, size: int = 3) -> bytes:
    return url.encode()[:size]


async def main() -> int:
    assert_type(await fetch("http", size=2), bytes)
    async for attempt in patterns.retry(attempts=2, on=(OSError, ValueError)):
        assert_type(attempt.number, int)
        async with attempt:
            pass
    limiter = patterns.RateLimiter(rate=100, per=1, burst=10)
    async with limiter:
        await limiter.acquire(2)
    task = patterns.background(square(2))
    assert_type(task, aioxide.Task[int])
    assert_type(await task, int)
    async with patterns.BackgroundScope() as scope:
        assert_type(scope, patterns.BackgroundScope)
        patterns.background(square(3), name="squared")
    total = 0
    results = patterns.map_concurrent(square, range(5), limit=2, ordered=True)
    async with contextlib.aclosing(results):
        async for result in results:
            assert_type(result, int)
            total += result
    iterated: AsyncIterator[int] = patterns.map_concurrent(square, [1], limit=1)
    async for one in iterated:
        total += one
    return total


def run() -> None:
    assert_type(testing.run(main(), seed=3, start=5.0), int)
    testing.interleavings(main, n=2)
    loop = testing.VirtualLoop(seed=1)
    try:
        assert_type(loop.run_until_complete(main()), int)
    finally:
        loop.close()
    try:
        testing.run(fetch(1))  # type: ignore[arg-type]
    except AttributeError:
        pass
