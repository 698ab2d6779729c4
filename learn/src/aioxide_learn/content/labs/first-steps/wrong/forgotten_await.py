# expects: never awaits it
import asyncio


async def do_job(name, seconds, began):
    loop = asyncio.get_running_loop()
    started = loop.time() - began
    asyncio.sleep(seconds)
    return name, started, loop.time() - began


async def run_jobs(jobs):
    began = asyncio.get_running_loop().time()
    return await asyncio.gather(*(do_job(name, seconds, began) for name, seconds in jobs))
