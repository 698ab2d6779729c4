"""Creating tasks, waiting for them and cancelling them."""

from __future__ import annotations

import asyncio
from time import perf_counter

from workloads.sampling import per_operation

GATHERED = 10_000
CANCELLED = 2_000

#: Seconds that never pass.
LONG = 3600


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


@per_operation
async def task_group(count: int) -> float:
    """10,000 coroutines in one group; the time is for one of them."""
    start = perf_counter()
    for _ in range(count):
        async with asyncio.TaskGroup() as group:
            for _ in range(GATHERED):
                group.create_task(empty())
    return (perf_counter() - start) / (count * GATHERED)


@per_operation
async def cancel(count: int) -> float:
    """2,000 sleeping tasks are cancelled and end; the time is for one of them."""
    elapsed = 0.0
    for _ in range(count):
        tasks = [asyncio.create_task(asyncio.sleep(LONG)) for _ in range(CANCELLED)]
        # The iteration in which every task falls asleep.
        await asyncio.sleep(0)
        start = perf_counter()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        elapsed += perf_counter() - start
    return elapsed / (count * CANCELLED)
