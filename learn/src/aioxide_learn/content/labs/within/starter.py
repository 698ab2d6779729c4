import asyncio


async def within(seconds, coroutine, default=None):
    """Return the coroutine's result, or `default` if it takes longer than `seconds`."""
    # Your code.
    return await coroutine


async def slow():
    await asyncio.sleep(2)
    return "slow"


async def main():
    print(await within(3, slow()))
    print(await within(1, slow(), default="too late"))


if __name__ == "__main__":
    asyncio.run(main())
