# expects: raised ValueError: broken
import asyncio


async def run_all(jobs, limit):
    tasks = [asyncio.wait_for(job(), limit) for job in jobs.values()]
    results = await asyncio.gather(*tasks)
    return {"done": dict(zip(jobs, results, strict=True)), "late": [], "failed": {}}
