# expects: process waits for ever
import asyncio

END = object()


async def process(source, handle, consumers=3, room=5):
    queue = asyncio.Queue(maxsize=room)
    count = 0

    async def consume():
        while True:
            item = await queue.get()
            await handle(item)
            queue.task_done()

    tasks = [asyncio.create_task(consume()) for _ in range(consumers)]
    try:
        async for item in source:
            await queue.put(item)
            count += 1
        await queue.join()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return count
