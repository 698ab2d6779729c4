"""Child processes."""

from __future__ import annotations

import asyncio
from time import perf_counter

from workloads.sampling import per_operation


@per_operation
async def create_subprocess_exec(count: int) -> float:
    """A process that does nothing is started, and its end is waited for."""
    start = perf_counter()
    for _ in range(count):
        process = await asyncio.create_subprocess_exec("/bin/true")
        await process.wait()
    return (perf_counter() - start) / count
