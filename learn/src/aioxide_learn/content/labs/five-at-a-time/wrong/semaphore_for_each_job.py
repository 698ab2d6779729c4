# expects: Let all jobs share one asyncio.Semaphore(limit)
import asyncio


async def run_all(work, count=50, limit=5):
    async def one(number):
        async with asyncio.Semaphore(limit):
            return await work(number)

    return await asyncio.gather(*(one(number) for number in range(count)))
