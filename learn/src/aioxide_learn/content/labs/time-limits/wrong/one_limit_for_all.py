# expects: one limit for all together is too little
import asyncio


async def run_all(jobs, limit):
    try:
        async with asyncio.timeout(limit):
            results = await asyncio.gather(
                *(job() for job in jobs.values()), return_exceptions=True
            )
    except TimeoutError:
        return {"done": {}, "late": sorted(jobs), "failed": {}}
    return {"done": dict(zip(jobs, results, strict=True)), "late": [], "failed": {}}
