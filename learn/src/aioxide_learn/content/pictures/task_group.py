"""One task of a group fails; the group cancels the others."""

import asyncio


async def work(seconds):
    await asyncio.sleep(seconds)


async def fail():
    await asyncio.sleep(0.6)
    raise ValueError("broken")


async def main():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(work(0.3), name="short")
            group.create_task(work(2), name="long")
            group.create_task(fail(), name="fails")
            group.create_task(work(3), name="longer")
    except* ValueError:
        pass
    await asyncio.create_task(work(0.3), name="afterwards")


asyncio.run(main())
