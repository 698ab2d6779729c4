# expects: should be in the order of the jobs
import asyncio


async def do_job(name, seconds, began):
    loop = asyncio.get_running_loop()
    started = loop.time() - began
    await asyncio.sleep(seconds)
    return name, started, loop.time() - began


async def run_jobs(jobs):
    began = asyncio.get_running_loop().time()
    coroutines = [do_job(name, seconds, began) for name, seconds in jobs]
    return [await next_one for next_one in asyncio.as_completed(coroutines)]
