import asyncio


async def run_all(jobs, limit):
    """Run all jobs with a time limit each; return what was done, late and failed."""
    summary = {"done": {}, "late": [], "failed": {}}

    async def one(name, job):
        try:
            async with asyncio.timeout(limit):
                summary["done"][name] = await job()
        except TimeoutError:
            summary["late"].append(name)
        except Exception as error:
            summary["failed"][name] = error

    async with asyncio.TaskGroup() as group:
        for name, job in jobs.items():
            group.create_task(one(name, job))
    summary["late"].sort()
    return summary


async def quick():
    await asyncio.sleep(0.1)
    return "quick"


async def slow():
    await asyncio.sleep(60)


async def broken():
    await asyncio.sleep(0.2)
    raise ValueError("broken")


async def main():
    print(await run_all({"quick": quick, "slow": slow, "broken": broken}, limit=1))


if __name__ == "__main__":
    asyncio.run(main())
