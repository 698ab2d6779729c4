import asyncio


async def run(source, stages, *, room=3):
    """Pass every item of `source` through all stages; return the results in order."""
    # Your code.


async def read():
    for number in range(10):
        await asyncio.sleep(0.2)
        yield f"line {number}"


async def parse(line):
    await asyncio.sleep(0.2)
    return int(line.removeprefix("line "))


async def store(number):
    await asyncio.sleep(0.2)
    print("stored", number)
    return number


async def main():
    print(await run(read(), [parse, store]))


if __name__ == "__main__":
    asyncio.run(main())
