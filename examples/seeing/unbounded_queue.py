"""A queue without a bound, whose producer is faster than its consumer: it only grows.

In the picture: the producer is done early; the consumer works on for a long time.
"""

import asyncio

ITEMS = 200


async def produce(queue):
    for number in range(ITEMS):
        await queue.put(number)  # the fault: without maxsize this never waits
        await asyncio.sleep(0)
    await queue.put(None)


async def consume(queue, sizes):
    while await queue.get() is not None:
        sizes.append(queue.qsize())
        await asyncio.sleep(0.002)


async def main():
    queue = asyncio.Queue()
    sizes = []
    async with asyncio.TaskGroup() as group:
        group.create_task(produce(queue), name="producer")
        group.create_task(consume(queue, sizes), name="consumer")
    print(f"items: {ITEMS}; in the queue at once: more than half: {max(sizes) > ITEMS / 2}")


asyncio.run(main())
