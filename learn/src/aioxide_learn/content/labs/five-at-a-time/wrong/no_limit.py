# expects: 50 jobs ran at the same time
import asyncio


async def run_all(work, count=50, limit=5):
    return await asyncio.gather(*(work(number) for number in range(count)))
