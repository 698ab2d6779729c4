# expects: Times are seconds since run_jobs began
import asyncio


async def do_job(name, seconds):
    loop = asyncio.get_running_loop()
    started = loop.time()
    await asyncio.sleep(seconds)
    return name, started, loop.time()


async def run_jobs(jobs):
    return await asyncio.gather(*(do_job(name, seconds) for name, seconds in jobs))
