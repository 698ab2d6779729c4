import asyncio


async def run_jobs(jobs):
    """Do all jobs at the same time; return (name, started, finished) for each, in order."""
    results = []
    # Your code: each job is a pair (name, seconds).
    return results


async def main():
    for name, started, finished in await run_jobs([("tea", 3), ("toast", 2), ("egg", 4)]):
        print(f"{name:6} {started:4.1f} … {finished:4.1f}")


if __name__ == "__main__":
    asyncio.run(main())
