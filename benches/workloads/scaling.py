"""Whether the loop stays fast when there is a lot of everything."""

from __future__ import annotations

import asyncio
import random
import statistics
from time import perf_counter

from workloads.sampling import Measurement, Sampling

FEW = 1_000
MANY = 1_000_000

#: Timers added per timing: a tenth of `FEW`, so that "1,000 pending" stays true.
ADDED = 100
#: Timings for the median. With few timers each is on a loop of its own.
TIMINGS = 50


def nothing() -> None:
    pass


def million_timers(sampling: Sampling) -> Measurement:
    """Adding a timer to 1,000,000 pending ones, compared with 1,000.

    All deadlines are spread evenly over the same quarter of an hour. The time
    includes the turn of the loop after the additions, in case the loop sorts
    them in only then.
    """
    chooser = random.Random(1)
    few = statistics.median(adding_seconds(sampling, FEW, 1, chooser)[0] for _ in range(TIMINGS))
    many = statistics.median(adding_seconds(sampling, MANY, TIMINGS, chooser))
    details = {"ns_at_1000": few * 1e9, "ns_at_1000000": many * 1e9}
    return Measurement(many / few, details)


def adding_seconds(
    sampling: Sampling, pending: int, timings: int, chooser: random.Random
) -> list[float]:
    """Seconds to add one timer to `pending` others on a new loop, `timings` times."""

    async def add() -> list[float]:
        loop = asyncio.get_running_loop()
        for _ in range(pending):
            loop.call_later(chooser.uniform(100, 1000), nothing)
        await asyncio.sleep(0)
        return [await added(loop, chooser) for _ in range(timings)]

    with sampling.runner() as runner:
        return runner.run(add())


async def added(loop: asyncio.AbstractEventLoop, chooser: random.Random) -> float:
    delays = [chooser.uniform(100, 1000) for _ in range(ADDED)]
    start = perf_counter()
    for delay in delays:
        loop.call_later(delay, nothing)
    await asyncio.sleep(0)
    return (perf_counter() - start) / ADDED
