import asyncio
import random


async def retry(call, *, attempts=5, base=0.1, longest=2.0, on=(ConnectionError, TimeoutError)):
    """Call until it succeeds, with a growing pause after each failure of `on`."""
    for attempt in range(attempts):
        try:
            return await call()
        except on:
            if attempt == attempts - 1:
                raise
        await asyncio.sleep(min(base * 2**attempt, longest))


async def flaky():
    print("called")
    if random.random() < 0.6:
        raise ConnectionResetError("no luck")
    return "received"


async def main():
    print(await retry(flaky, attempts=10))


if __name__ == "__main__":
    asyncio.run(main())
