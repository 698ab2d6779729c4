"""Fifty workers, five at a time, for the picture of the page: `make pictures` runs it."""

import asyncio


async def worker(places):
    async with places:
        await asyncio.sleep(0.02)


async def main():
    places = asyncio.Semaphore(5)
    async with asyncio.TaskGroup() as group:
        for number in range(50):
            group.create_task(worker(places), name=f"worker {number}")


asyncio.run(main())
