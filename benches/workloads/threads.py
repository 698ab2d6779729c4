"""Work handed to the thread pool."""

from __future__ import annotations

import asyncio
from time import perf_counter

from workloads.sampling import per_operation


def nothing() -> None:
    pass


@per_operation
async def to_thread(count: int) -> float:
    """A function that does nothing, called in a thread and awaited."""
    start = perf_counter()
    for _ in range(count):
        await asyncio.to_thread(nothing)
    return (perf_counter() - start) / count
