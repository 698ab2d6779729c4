"""A producer waits for room in the queue, and two consumers for items."""

import asyncio


async def produce(queue):
    for number in range(8):
        await queue.put(number)
    for _ in range(2):
        await queue.put(None)


async def consume(queue):
    while await queue.get() is not None:
        await asyncio.sleep(0.2)


async def main():
    queue = asyncio.Queue(maxsize=1)
    async with asyncio.TaskGroup() as group:
        group.create_task(produce(queue), name="producer")
        group.create_task(consume(queue), name="consumer 1")
        group.create_task(consume(queue), name="consumer 2")


asyncio.run(main())
