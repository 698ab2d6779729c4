# expects: gather leaves the others running
import asyncio


async def run_all(work, count=50, limit=5):
    slots = asyncio.Semaphore(limit)

    async def one(number):
        async with slots:
            return await work(number)

    return await asyncio.gather(*(one(number) for number in range(count)))
