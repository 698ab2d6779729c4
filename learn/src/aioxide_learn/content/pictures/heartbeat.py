"""A heartbeat is held up by a call that blocks."""

import asyncio
import time


async def beat():
    for _ in range(8):
        await asyncio.sleep(0.1)


async def work():
    await asyncio.sleep(0.25)
    time.sleep(0.4)


async def main():
    async with asyncio.TaskGroup() as group:
        group.create_task(beat(), name="heartbeat")
        group.create_task(work(), name="blocks")


asyncio.run(main())
