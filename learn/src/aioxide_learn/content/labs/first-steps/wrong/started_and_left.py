# expects: Whoever starts a task also waits for its end
import asyncio


async def do_job(name, seconds, began, results):
    loop = asyncio.get_running_loop()
    started = loop.time() - began
    await asyncio.sleep(seconds)
    results.append((name, started, loop.time() - began))


async def run_jobs(jobs):
    began = asyncio.get_running_loop().time()
    results = []
    for name, seconds in jobs:
        asyncio.create_task(do_job(name, seconds, began, results))
    return results
