"""Seven jobs with a semaphore of three: the others wait for a slot."""

import asyncio


async def job(slots):
    async with slots:
        await asyncio.sleep(0.3)


async def main():
    slots = asyncio.Semaphore(3)
    async with asyncio.TaskGroup() as group:
        for number in range(7):
            group.create_task(job(slots), name=f"job {number}")


asyncio.run(main())
