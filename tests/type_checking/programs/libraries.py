"""What is made by one of the two modules goes wherever the other one's is asked for."""

from __future__ import annotations

import asyncio
import contextlib
from typing import assert_type

import aioxide


async def theirs(
    queue: asyncio.Queue[int], lock: asyncio.Lock, group: asyncio.TaskGroup
) -> asyncio.Task[int]:
    """Stands for a library that knows of asyncio alone."""
    async with lock:
        await queue.put(1)
    return group.create_task(queue.get())


async def ours(
    queue: aioxide.Queue[int], lock: aioxide.Lock, group: aioxide.TaskGroup
) -> aioxide.Task[int]:
    async with lock:
        await queue.put(1)
    return group.create_task(queue.get())


async def both() -> None:
    async with aioxide.TaskGroup() as group:
        first: aioxide.Task[int] = await theirs(aioxide.Queue(), aioxide.Lock(), group)
        second: asyncio.Task[int] = await ours(asyncio.Queue(), asyncio.Lock(), group)
    done, _ = await aioxide.wait([first, second])
    assert_type(done, set[asyncio.Task[int]])
    assert_type(await asyncio.gather(first, second), tuple[int, int])
    condition = aioxide.Condition(aioxide.Lock())
    async with condition:
        condition.notify()
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(aioxide.timeout(5))
        await stack.enter_async_context(aioxide.Semaphore())


def run() -> None:
    aioxide.install()
    try:
        asyncio.run(both())
    finally:
        aioxide.uninstall()
    asyncio.set_event_loop(None)
    aioxide.run(both())
    with asyncio.Runner(loop_factory=aioxide.new_event_loop) as runner:
        runner.run(both())
