import asyncio


async def run_all(work, count=50, limit=5):
    """Call work(0) … work(count - 1), at most `limit` at a time; return the results in order."""
    # Your code.


async def work(number):
    loop = asyncio.get_running_loop()
    print(f"{loop.time() % 100:6.2f} job {number} begins")
    await asyncio.sleep(0.5)
    return number * number


async def main():
    results = await run_all(work)
    print(results)


if __name__ == "__main__":
    asyncio.run(main())
