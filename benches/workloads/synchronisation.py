"""Queues, locks, semaphores and events."""

from __future__ import annotations

import asyncio
from time import perf_counter

from workloads.sampling import per_operation

#: Tasks that share a semaphore, and its places.
SHARING_TASKS = 500
PLACES = 5
#: Tasks that wait for the same event.
WAITERS = 10_000


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
async def queue_pair(count: int) -> float:
    """An item to another task through one queue and back through a second."""
    there: asyncio.Queue[int] = asyncio.Queue()
    back: asyncio.Queue[int] = asyncio.Queue()

    async def answer() -> None:
        for _ in range(count):
            await back.put(await there.get())

    start = perf_counter()
    answering = asyncio.create_task(answer())
    for item in range(count):
        await there.put(item)
        await back.get()
    await answering
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
    """500 tasks take turns at 5 places; each gives way once while inside."""
    places = asyncio.Semaphore(PLACES)

    async def visit() -> None:
        for _ in range(count):
            async with places:
                await asyncio.sleep(0)

    start = perf_counter()
    await asyncio.gather(*(visit() for _ in range(SHARING_TASKS)))
    return (perf_counter() - start) / (count * SHARING_TASKS)


@per_operation
async def event(count: int) -> float:
    """10,000 tasks wait for an event, which is set, and wait for it again."""
    happened = asyncio.Event()

    async def wait() -> None:
        for _ in range(count + 1):
            await happened.wait()

    async with asyncio.TaskGroup() as group:
        for _ in range(WAITERS):
            group.create_task(wait())
        await asyncio.sleep(0)
        start = perf_counter()
        for _ in range(count):
            happened.set()
            happened.clear()
            # The iteration in which they all go on, up to the next wait.
            await asyncio.sleep(0)
        elapsed = perf_counter() - start
        happened.set()
    return elapsed / (count * WAITERS)
