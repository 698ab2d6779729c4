"""What waiting costs: resident memory of tasks and of connections."""

from __future__ import annotations

import asyncio
import os

from workloads.processes import allow_open_files, held_connections, resident_bytes, serving
from workloads.sampling import Measurement, Sampling

TASKS = 100_000
CONNECTIONS = 10_000

#: Open files of a process besides its connections.
OTHER_FILES = 100

#: Opened and closed before the first reading, so that what is allocated once
#: is not counted as the connections'.
FIRST_CONNECTIONS = 100


def idle_connection(sampling: Sampling) -> Measurement:
    """Growth of a `Protocol` server by 10,000 connections, for one of them."""
    allow_open_files(CONNECTIONS + OTHER_FILES)
    with serving("protocol", sampling.loop) as server:
        with held_connections(server, FIRST_CONNECTIONS):
            pass
        before = resident_bytes(server.pid)
        with held_connections(server, CONNECTIONS):
            after = resident_bytes(server.pid)
    return Measurement((after - before) / CONNECTIONS, {"before": before, "after": after})


def pending_task(sampling: Sampling) -> Measurement:
    """Growth by 100,000 tasks that wait for a future each, for one of them."""

    async def wait_for(future: asyncio.Future[None]) -> None:
        await future

    async def grow() -> tuple[int, int]:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(0)
        before = resident_bytes(os.getpid())
        futures = [loop.create_future() for _ in range(TASKS)]
        tasks = [asyncio.create_task(wait_for(future)) for future in futures]
        # The iteration in which every task runs up to its future.
        await asyncio.sleep(0)
        after = resident_bytes(os.getpid())
        for future in futures:
            future.set_result(None)
        for task in tasks:
            await task
        return before, after

    with sampling.runner() as runner:
        before, after = runner.run(grow())
    return Measurement((after - before) / TASKS, {"before": before, "after": after})
