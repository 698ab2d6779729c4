# expects: the queue is unbounded
import asyncio

END = object()


async def process(source, handle, consumers=3, room=5):
    queue = asyncio.Queue()
    count = 0

    async def consume():
        while (item := await queue.get()) is not END:
            await handle(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(consumers):
            group.create_task(consume())
        async for item in source:
            await queue.put(item)
            count += 1
        for _ in range(consumers):
            await queue.put(END)
    return count
