import asyncio

END = object()


async def process(source, handle, consumers=3, room=5):
    """Handle every item of `source` with so many consumers; return how many there were."""
    queue = asyncio.Queue(maxsize=room)
    count = 0

    async def produce():
        nonlocal count
        async for item in source:
            await queue.put(item)
            count += 1
        for _ in range(consumers):
            await queue.put(END)

    async def consume():
        while (item := await queue.get()) is not END:
            await handle(item)

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(produce())
            for _ in range(consumers):
                group.create_task(consume())
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return count


async def numbers():
    for number in range(20):
        print("produced", number)
        yield number


async def handle(number):
    await asyncio.sleep(0.3)
    print("handled", number)


async def main():
    print(await process(numbers(), handle))


if __name__ == "__main__":
    asyncio.run(main())
