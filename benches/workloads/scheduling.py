"""Callbacks, futures and turns of the loop."""

from __future__ import annotations

import asyncio
from time import perf_counter

from workloads.sampling import per_operation

BATCH = 1000


def nothing() -> None:
    pass


@per_operation
async def call_soon(count: int) -> float:
    """Each callback schedules the next: one callback in every iteration."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    left = count

    def step() -> None:
        nonlocal left
        left -= 1
        if left:
            loop.call_soon(step)
        else:
            done.set_result(None)

    start = perf_counter()
    loop.call_soon(step)
    await done
    return (perf_counter() - start) / count


@per_operation
async def call_soon_batch(count: int) -> float:
    """Many callbacks in every iteration."""
    loop = asyncio.get_running_loop()
    start = perf_counter()
    for _ in range(count):
        done = loop.create_future()
        for _ in range(BATCH - 1):
            loop.call_soon(nothing)
        loop.call_soon(done.set_result, None)
        await done
    return (perf_counter() - start) / (count * BATCH)


@per_operation
async def sleep_zero(count: int) -> float:
    """A task that gives way and runs again in the next iteration."""
    start = perf_counter()
    for _ in range(count):
        await asyncio.sleep(0)
    return (perf_counter() - start) / count


@per_operation
async def future(count: int) -> float:
    """A future that a callback sets while a task waits for it."""
    loop = asyncio.get_running_loop()
    start = perf_counter()
    for _ in range(count):
        waiter = loop.create_future()
        loop.call_soon(waiter.set_result, None)
        await waiter
    return (perf_counter() - start) / count
