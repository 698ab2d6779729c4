"""Two tasks take turns: each runs until it awaits."""

import asyncio
import time


async def count(seconds):
    for _ in range(4):
        time.sleep(seconds)  # computes
        await asyncio.sleep(0)


async def main():
    async with asyncio.TaskGroup() as group:
        group.create_task(count(0.03), name="a")
        group.create_task(count(0.05), name="b")


asyncio.run(main())
