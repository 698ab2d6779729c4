# expects: an empty queue does not mean that nothing more comes
import asyncio


async def process(source, handle, consumers=3, room=5):
    queue = asyncio.Queue(maxsize=room)
    count = 0

    async def produce():
        nonlocal count
        async for item in source:
            await queue.put(item)
            count += 1

    async def consume():
        await asyncio.sleep(0)
        while not queue.empty():
            await handle(queue.get_nowait())

    producer = asyncio.create_task(produce())
    await asyncio.gather(*(consume() for _ in range(consumers)))
    producer.cancel()
    await asyncio.wait([producer])
    return count
