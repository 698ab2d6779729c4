"""Timers that do not fire, which is what most timers are for."""

from __future__ import annotations

import asyncio
from time import perf_counter

from workloads.sampling import per_operation

#: Cancelled timers between two turns of the loop: some loops put away what was
#: cancelled only when they turn, and that is part of the price.
TIMERS_PER_TURN = 100


def nothing() -> None:
    pass


@per_operation
async def call_later_cancel(count: int) -> float:
    """A timer in ten seconds, cancelled at once."""
    loop = asyncio.get_running_loop()
    start = perf_counter()
    for _ in range(count):
        for _ in range(TIMERS_PER_TURN):
            loop.call_later(10, nothing).cancel()
        await asyncio.sleep(0)
    return (perf_counter() - start) / (count * TIMERS_PER_TURN)


@per_operation
async def timeout(count: int) -> float:
    """Entering and leaving a timeout that does not pass."""
    start = perf_counter()
    for _ in range(count):
        for _ in range(TIMERS_PER_TURN):
            async with asyncio.timeout(10):
                pass
        await asyncio.sleep(0)
    return (perf_counter() - start) / (count * TIMERS_PER_TURN)


async def empty() -> None:
    pass


@per_operation
async def wait_for(count: int) -> float:
    """Waiting, with a limit that does not pass, for what is done at once."""
    start = perf_counter()
    for _ in range(count):
        for _ in range(TIMERS_PER_TURN):
            await asyncio.wait_for(empty(), 10)
        await asyncio.sleep(0)
    return (perf_counter() - start) / (count * TIMERS_PER_TURN)
