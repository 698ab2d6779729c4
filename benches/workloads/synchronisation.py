"""Queues, locks and semaphores."""

from __future__ import annotations

import asyncio
from time import perf_counter

from workloads.sampling import per_operation

#: Tasks that share a semaphore, and its places.
SHARING_TASKS = 100
PLACES = 10


@per_operation
async def queue(count: int) -> float:
    """One task puts and gets: nobody ever waits."""
    items: asyncio.Queue[int] = asyncio.Queue()
    start = perf_counter()
    for item in range(count):
        await items.put(item)
        await items.get()
    return (perf_counter() - start) / count


@per_operation
async def queue_handoff(count: int) -> float:
    """One task puts, another gets, with room for one: both wait every time."""
    items: asyncio.Queue[int] = asyncio.Queue(maxsize=1)

    async def produce() -> None:
        for item in range(count):
            await items.put(item)

    start = perf_counter()
    producer = asyncio.create_task(produce())
    for _ in range(count):
        await items.get()
    await producer
    return (perf_counter() - start) / count


@per_operation
async def lock(count: int) -> float:
    """A lock that nobody else wants."""
    mutex = asyncio.Lock()
    start = perf_counter()
    for _ in range(count):
        async with mutex:
            pass
    return (perf_counter() - start) / count


@per_operation
async def semaphore(count: int) -> float:
    """100 tasks take turns at 10 places; each gives way once while inside."""
    places = asyncio.Semaphore(PLACES)

    async def visit() -> None:
        for _ in range(count):
            async with places:
                await asyncio.sleep(0)

    start = perf_counter()
    await asyncio.gather(*(visit() for _ in range(SHARING_TASKS)))
    return (perf_counter() - start) / (count * SHARING_TASKS)
