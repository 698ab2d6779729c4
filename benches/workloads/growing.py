"""The same work on ever more of something: nanoseconds of processor time for one of it.

Processor time, since nothing here waits for anything but itself; so a busy
machine disturbs less.
"""

from __future__ import annotations

import asyncio
import functools
import random
from collections.abc import AsyncIterator, Callable
from time import process_time
from typing import Any

from workloads.processes import allow_open_files, load, serving
from workloads.sampling import Measurement, Sampling, calibrate

#: Operations that are timed together, and how many there are at least.
CHUNK = 100
OPERATIONS = 200_000

#: Open files of a server and of the load generator besides its connections.
OTHER_FILES = 100


def nothing() -> None:
    pass


def among(
    body: Callable[[int, int], AsyncIterator[None]],
) -> Callable[[Sampling, int], Measurement]:
    """Makes a workload of `body`, which does something `count` times among `size`.

    `body` prepares, then yields before and after each `CHUNK` operations: what it
    does between an odd yield and the next is timed. There are as many operations
    as there are things, or more, so that what is done from time to time only (a
    loop that puts cancelled timers away, a collection) is part of the price.
    """

    async def timed(size: int, count: int) -> float:
        elapsed = 0.0
        chunks = body(size, count)
        async for _ in chunks:
            start = process_time()
            await anext(chunks)
            elapsed += process_time() - start
        return elapsed / count

    @functools.wraps(body)
    def workload(sampling: Sampling, size: int) -> Measurement:
        count = max(size, OPERATIONS) // CHUNK * CHUNK
        with sampling.runner() as runner:
            return Measurement(runner.run(timed(size, count)) * 1e9, {"count": count})

    return workload


async def wait(future: asyncio.Future[None]) -> None:
    await future


@among
async def tasks(size: int, count: int) -> AsyncIterator[None]:
    """Waking one of the waiting tasks, at random, awaiting its end and making another."""
    loop = asyncio.get_running_loop()
    chooser = random.Random(1)
    futures = [loop.create_future() for _ in range(size)]
    waiting = [asyncio.create_task(wait(future)) for future in futures]
    await asyncio.sleep(0)
    for _ in range(count // CHUNK):
        chosen = [chooser.randrange(size) for _ in range(CHUNK)]
        yield
        for index in chosen:
            futures[index].set_result(None)
            await waiting[index]
            futures[index] = future = loop.create_future()
            waiting[index] = asyncio.create_task(wait(future))
        yield
    await asyncio.sleep(0)
    for future in futures:
        future.set_result(None)
    for task in waiting:
        await task


@among
async def timers(size: int, count: int) -> AsyncIterator[None]:
    """Cancelling one of the pending timers, at random, and adding another."""
    loop = asyncio.get_running_loop()
    chooser = random.Random(1)
    pending = [loop.call_later(chooser.uniform(100, 1000), nothing) for _ in range(size)]
    await asyncio.sleep(0)
    for _ in range(count // CHUNK):
        chosen = [(chooser.randrange(size), chooser.uniform(100, 1000)) for _ in range(CHUNK)]
        yield
        for index, delay in chosen:
            pending[index].cancel()
            pending[index] = loop.call_later(delay, nothing)
        await asyncio.sleep(0)
        yield


@among
async def queue_waiters(size: int, count: int) -> AsyncIterator[None]:
    """Putting an item for the first of the tasks that wait in get(), which waits again."""
    queue: asyncio.Queue[bool] = asyncio.Queue()

    async def take() -> None:
        while await queue.get():
            pass

    waiting = [asyncio.create_task(take()) for _ in range(size)]
    await asyncio.sleep(0)
    for _ in range(count // CHUNK):
        yield
        for _ in range(CHUNK):
            queue.put_nowait(True)
            await asyncio.sleep(0)
        yield
    for _ in range(size):
        queue.put_nowait(False)
    for task in waiting:
        await task


def tasks_at_once(sampling: Sampling, size: int) -> Measurement:
    """Tasks that wait for a future each: made, woken and ended, all of them together."""

    async def repeated(count: int) -> float:
        loop = asyncio.get_running_loop()
        start = process_time()
        for _ in range(count):
            futures = [loop.create_future() for _ in range(size)]
            waiting = [asyncio.create_task(wait(future)) for future in futures]
            await asyncio.sleep(0)
            for future in futures:
                future.set_result(None)
            for task in waiting:
                await task
        return (process_time() - start) / (count * size)

    with sampling.runner() as runner:
        # A first time that does not count.
        runner.run(repeated(1))
        count, seconds = calibrate(lambda count: runner.run(repeated(count)), sampling.run_seconds)
    return Measurement(seconds * 1e9, {"count": count})


def connections(sampling: Sampling, size: int) -> Measurement:
    """Requests of 1 KiB to a `Protocol`, one under way on each connection.

    What opening the connections costs is in a short load and in a long one, so
    it is not in the difference of the two. Each has a server of its own: what a
    first load leaves behind in the allocator makes a second one cheaper.
    """
    allow_open_files(size + OTHER_FILES)
    options = ("--size", "1024", "--connections", str(size), "--warmup", "0", "--seconds")

    def report(seconds: float) -> dict[str, Any]:
        with serving("protocol", sampling.loop) as server:
            return load(server, *options, str(seconds))

    short = report(sampling.warmup_seconds)
    long = report(sampling.warmup_seconds + sampling.load_seconds)
    seconds = long["server_seconds"] - short["server_seconds"]
    return Measurement(seconds / (long["served"] - short["served"]) * 1e9)
