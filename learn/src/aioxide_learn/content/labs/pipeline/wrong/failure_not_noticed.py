# expects: and run waits for ever
import asyncio
from contextlib import aclosing

END = object()


async def run(source, stages, *, room=3):
    queues = [asyncio.Queue(maxsize=room) for _ in stages]
    last = asyncio.Queue()

    async def work(index, stage):
        following = queues[index + 1] if index + 1 < len(queues) else last
        while (item := await queues[index].get()) is not END:
            await following.put(await stage(item))
        await following.put(END)

    tasks = [asyncio.create_task(work(index, stage)) for index, stage in enumerate(stages)]
    results = []
    async with aclosing(source):
        async for item in source:
            await queues[0].put(item)
    await queues[0].put(END)
    await asyncio.gather(*tasks)
    while (item := last.get_nowait()) is not END:
        results.append(item)
    return results
