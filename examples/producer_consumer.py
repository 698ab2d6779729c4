"""Hand work from producers to consumers over a bounded queue.

The queue has room for ten items. A producer that is faster than the consumers waits in `put`
until there is room again, so memory stays bounded however much there is to do.

    python examples/producer_consumer.py
    python -m aioxide examples/producer_consumer.py
"""

import asyncio

ROOM = 10
PRODUCERS = 3
CONSUMERS = 5
ITEMS = 200  # of each producer


class Fill:
    """How full the queue was at most."""

    def __init__(self):
        self.most = 0


async def produce(queue, numbers, fill):
    for number in numbers:
        await queue.put(number)
        fill.most = max(fill.most, queue.qsize())


async def consume(queue, results):
    while True:
        number = await queue.get()
        try:
            await asyncio.sleep(0)  # the work
            results.append(number * number)
        finally:
            # `queue.join` waits until this was called for every item.
            queue.task_done()


async def main():
    queue = asyncio.Queue(maxsize=ROOM)
    results, fill = [], Fill()
    consumers = [asyncio.create_task(consume(queue, results)) for _ in range(CONSUMERS)]

    async with asyncio.TaskGroup() as producers:
        for producer in range(PRODUCERS):
            numbers = range(producer * ITEMS, (producer + 1) * ITEMS)
            producers.create_task(produce(queue, numbers, fill))
    # All is in the queue. When all is done, the consumers wait for more, in vain.
    await queue.join()
    for consumer in consumers:
        consumer.cancel()
    await asyncio.gather(*consumers, return_exceptions=True)

    print(f"items: {len(results)}")
    print(f"each of them once: {sorted(results) == [n * n for n in range(PRODUCERS * ITEMS)]}")
    print(f"in the queue at a time: never more than {ROOM}: {fill.most <= ROOM}")


if __name__ == "__main__":
    asyncio.run(main())
