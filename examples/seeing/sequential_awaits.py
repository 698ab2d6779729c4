"""Awaits that look concurrent: each task is awaited before the next one is created.

In the picture: a staircase, where a block of bars of the same length was meant.
"""

import asyncio
import time


async def fetch(number):
    await asyncio.sleep(0.05)
    return number


async def one_after_the_other():
    results = []
    for number in range(8):
        # The fault: the task is awaited at once. TaskGroup or gather() is meant.
        results.append(await asyncio.create_task(fetch(number), name=f"fetch {number}"))
    return results


async def at_the_same_time():
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(fetch(number), name=f"fetch {number}") for number in range(8)]
    return [task.result() for task in tasks]


async def main():
    for way in (one_after_the_other, at_the_same_time):
        began = time.monotonic()
        await way()
        took = time.monotonic() - began
        print(f"{way.__name__}: {'eight sleeps' if took > 0.39 else 'less than eight sleeps'}")


asyncio.run(main())
