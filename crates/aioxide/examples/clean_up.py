"""A worker that is cancelled saves its work first, which takes time."""

import asyncio
import itertools


async def worker():
    results = []
    try:
        for number in itertools.count(1):
            results.append(number)
            print(f"worker: {number}")
            await asyncio.sleep(0.2)
    finally:
        print("worker: saving")
        await asyncio.sleep(0.02)
        print(f"worker: saved {results}")


async def main():
    task = asyncio.create_task(worker())
    await asyncio.sleep(0.5)
    print("main: cancelling")
    task.cancel()
    try:
        print(f"main: {await task}")
    except asyncio.CancelledError:
        print("main: the worker was cancelled")


asyncio.run(main())
