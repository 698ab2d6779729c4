"""The same work on ever more of something: nanoseconds of processor time for one of it.

Processor time, since nothing here waits for anything but itself; so a busy
machine disturbs less.
"""

from __future__ import annotations

import asyncio
import functools
import random
from collections.abc import Awaitable, Callable
from time import process_time

from workloads.processes import allow_open_files, load, serving
from workloads.sampling import Measurement, Sampling, calibrate

#: Timers that are replaced between two turns of the loop.
REPLACED_PER_TURN = 100
#: Timers that are replaced at least.
REPLACED = 200_000

#: Open files of a server and of the load generator besides its connections.
OTHER_FILES = 100


def nothing() -> None:
    pass


def at_a_time(body: Callable[[int], Awaitable[None]]) -> Callable[[Sampling, int], Measurement]:
    """Makes a workload of `body`, which does something with `size` at a time.

    It is repeated until that takes `Sampling.run_seconds`, after a first time
    that is not measured.
    """

    async def repeated(size: int, count: int) -> float:
        start = process_time()
        for _ in range(count):
            await body(size)
        return (process_time() - start) / (count * size)

    @functools.wraps(body)
    def workload(sampling: Sampling, size: int) -> Measurement:
        with sampling.runner() as runner:
            runner.run(repeated(size, 1))
            count, seconds = calibrate(
                lambda count: runner.run(repeated(size, count)), sampling.run_seconds
            )
        return Measurement(seconds * 1e9, {"count": count})

    return workload


@at_a_time
async def tasks(size: int) -> None:
    """Tasks that wait for a future each: made, woken, ended."""
    loop = asyncio.get_running_loop()

    async def wait(future: asyncio.Future[None]) -> None:
        await future

    futures = [loop.create_future() for _ in range(size)]
    waiting = [asyncio.create_task(wait(future)) for future in futures]
    await asyncio.sleep(0)
    for future in futures:
        future.set_result(None)
    for task in waiting:
        await task


@at_a_time
async def queue_waiters(size: int) -> None:
    """Tasks that wait in the get() of one queue, and an item put for each."""
    queue: asyncio.Queue[int] = asyncio.Queue()

    async def wait() -> None:
        await queue.get()

    waiting = [asyncio.create_task(wait()) for _ in range(size)]
    await asyncio.sleep(0)
    for item in range(size):
        queue.put_nowait(item)
    for task in waiting:
        await task


def timers(sampling: Sampling, size: int) -> Measurement:
    """Calling off a timer of those that are pending, at random, and adding another.

    As many are replaced as are pending, or more: some loops put cancelled timers
    away only when there are many, and that is part of the price.
    """
    count = max(size, REPLACED)

    async def replace() -> float:
        loop = asyncio.get_running_loop()
        chooser = random.Random(1)
        pending = [loop.call_later(chooser.uniform(100, 1000), nothing) for _ in range(size)]
        await asyncio.sleep(0)
        elapsed = 0.0
        for _ in range(count // REPLACED_PER_TURN):
            chosen = [
                (chooser.randrange(size), chooser.uniform(100, 1000))
                for _ in range(REPLACED_PER_TURN)
            ]
            start = process_time()
            for index, delay in chosen:
                pending[index].cancel()
                pending[index] = loop.call_later(delay, nothing)
            await asyncio.sleep(0)
            elapsed += process_time() - start
        return elapsed / (count // REPLACED_PER_TURN * REPLACED_PER_TURN)

    with sampling.runner() as runner:
        return Measurement(runner.run(replace()) * 1e9, {"count": count})


def connections(sampling: Sampling, size: int) -> Measurement:
    """Requests of 1 KiB to a `Protocol`, one under way on each connection.

    What opening the connections costs is in a short load and in a long one, so
    it is not in the difference of the two.
    """
    allow_open_files(size + OTHER_FILES)
    options = ("--size", "1024", "--connections", str(size), "--warmup", "0", "--seconds")
    with serving("protocol", sampling.loop) as server:
        short = load(server, *options, str(sampling.warmup_seconds))
        long = load(server, *options, str(sampling.warmup_seconds + sampling.load_seconds))
    seconds = long["server_seconds"] - short["server_seconds"]
    return Measurement(seconds / (long["served"] - short["served"]) * 1e9)
