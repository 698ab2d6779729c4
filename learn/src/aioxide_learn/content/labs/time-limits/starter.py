import asyncio


async def run_all(jobs, limit):
    """Run all jobs with a time limit each; return what was done, late and failed."""
    summary = {"done": {}, "late": [], "failed": {}}
    # Your code.
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
