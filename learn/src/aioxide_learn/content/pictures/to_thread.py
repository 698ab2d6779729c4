"""A heartbeat beside a computation in the loop, then beside one in a thread."""

import asyncio
import time


async def beat():
    for _ in range(10):
        await asyncio.sleep(0.1)


async def in_the_loop():
    await asyncio.sleep(0.15)
    time.sleep(0.3)


async def in_a_thread():
    await asyncio.sleep(0.6)
    await asyncio.to_thread(time.sleep, 0.3)


async def main():
    async with asyncio.TaskGroup() as group:
        group.create_task(beat(), name="heartbeat")
        group.create_task(in_the_loop(), name="in the loop")
        group.create_task(in_a_thread(), name="in a thread")


asyncio.run(main())
