# expects: ran one after the other
import asyncio


async def run_jobs(jobs):
    loop = asyncio.get_running_loop()
    began = loop.time()
    results = []
    for name, seconds in jobs:
        started = loop.time() - began
        await asyncio.sleep(seconds)
        results.append((name, started, loop.time() - began))
    return results
