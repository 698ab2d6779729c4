# expects: still running when your code had ended: process.<locals>.consume()
import asyncio


async def process(source, handle, consumers=3, room=5):
    queue = asyncio.Queue(maxsize=room)
    count = 0

    async def consume():
        while True:
            item = await queue.get()
            await handle(item)
            queue.task_done()

    tasks = [asyncio.create_task(consume()) for _ in range(consumers)]
    async for item in source:
        await queue.put(item)
        count += 1
    await queue.join()
    assert len(tasks) == consumers
    return count
