# expects: A stage may return None
import asyncio
from contextlib import aclosing

END = None


async def run(source, stages, *, room=3):
    """Pass every item of `source` through all stages; return the results in order."""
    queues = [asyncio.Queue(maxsize=room) for _ in stages]
    results = []

    async def read():
        async for item in source:
            await forward(item, 0)
        await forward(END, 0)

    async def forward(item, index):
        if index < len(queues):
            await queues[index].put(item)
        elif item is not END:
            results.append(item)

    async def work(index, stage):
        while (item := await queues[index].get()) is not END:
            await forward(await stage(item), index + 1)
        await forward(END, index + 1)

    async with aclosing(source):
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(read(), name="source")
                for index, stage in enumerate(stages):
                    group.create_task(work(index, stage), name=f"stage {index + 1}")
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
    return results
