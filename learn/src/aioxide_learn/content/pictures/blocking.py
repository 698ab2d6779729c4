"""Three blocking sleeps in a row, then three polite ones at the same time."""

import asyncio
import time


async def blocking():
    time.sleep(0.5)


async def polite():
    await asyncio.sleep(0.5)


async def main():
    async with asyncio.TaskGroup() as group:
        for number in (1, 2, 3):
            group.create_task(blocking(), name=f"blocking {number}")
    async with asyncio.TaskGroup() as group:
        for number in (1, 2, 3):
            group.create_task(polite(), name=f"polite {number}")


asyncio.run(main())
