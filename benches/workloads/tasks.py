"""Creating tasks and waiting for them."""

from __future__ import annotations

import asyncio
from time import perf_counter

from workloads.sampling import per_operation

GATHERED = 10_000


async def empty() -> None:
    pass


@per_operation
async def create_task(count: int) -> float:
    """A task that does nothing, created by asyncio's function and awaited."""
    start = perf_counter()
    for _ in range(count):
        await asyncio.create_task(empty())
    return (perf_counter() - start) / count


@per_operation
async def loop_create_task(count: int) -> float:
    """A task that does nothing, created by the loop's method and awaited."""
    loop = asyncio.get_running_loop()
    start = perf_counter()
    for _ in range(count):
        await loop.create_task(empty())
    return (perf_counter() - start) / count


@per_operation
async def gather(count: int) -> float:
    """10,000 coroutines in one gather; the time is for one of them."""
    start = perf_counter()
    for _ in range(count):
        await asyncio.gather(*(empty() for _ in range(GATHERED)))
    return (perf_counter() - start) / (count * GATHERED)
