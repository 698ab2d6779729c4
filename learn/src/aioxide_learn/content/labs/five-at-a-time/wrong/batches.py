# expects: Fixed batches wait for their slowest job
import asyncio


async def run_all(work, count=50, limit=5):
    results = []
    for first in range(0, count, limit):
        batch = range(first, min(first + limit, count))
        results += await asyncio.gather(*(work(number) for number in batch))
    return results
