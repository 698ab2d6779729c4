"""A task is cancelled and takes a moment to clean up."""

import asyncio


async def worker():
    try:
        while True:
            await asyncio.sleep(0.2)
    finally:
        await asyncio.sleep(0.3)


async def stop(task):
    await asyncio.sleep(0.7)
    task.cancel()
    await asyncio.wait([task])


async def main():
    task = asyncio.create_task(worker(), name="worker")
    await asyncio.create_task(stop(task), name="cancels it")


asyncio.run(main())
