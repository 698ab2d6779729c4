"""Two coroutines awaited in a row, and the same two as tasks."""

import asyncio


async def step():
    await asyncio.sleep(0.5)


async def in_a_row():
    await step()
    await step()


async def main():
    await asyncio.create_task(in_a_row(), name="await, await")
    async with asyncio.TaskGroup() as group:
        group.create_task(step(), name="task 1")
        group.create_task(step(), name="task 2")


asyncio.run(main())
