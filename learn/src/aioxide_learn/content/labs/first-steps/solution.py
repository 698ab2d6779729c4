import asyncio


async def do_job(name, seconds, began):
    loop = asyncio.get_running_loop()
    started = loop.time() - began
    await asyncio.sleep(seconds)
    return name, started, loop.time() - began


async def run_jobs(jobs):
    """Do all jobs at the same time; return (name, started, finished) for each, in order."""
    began = asyncio.get_running_loop().time()
    return await asyncio.gather(*(do_job(name, seconds, began) for name, seconds in jobs))


async def main():
    for name, started, finished in await run_jobs([("tea", 3), ("toast", 2), ("egg", 4)]):
        print(f"{name:6} {started:4.1f} … {finished:4.1f}")


if __name__ == "__main__":
    asyncio.run(main())
