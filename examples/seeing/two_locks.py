"""Two tasks take the same two locks in opposite order, and wait for each other.

In the picture: two violet bars that do not end, until the timeout cancels both.
"""

import asyncio


async def transfer(first, second):
    async with first:
        await asyncio.sleep(0.02)
        async with second:  # the fault: both orders occur
            return "transferred"


async def main():
    savings, checking = asyncio.Lock(), asyncio.Lock()
    there = asyncio.create_task(transfer(savings, checking), name="there")
    back = asyncio.create_task(transfer(checking, savings), name="back")
    done, pending = await asyncio.wait([there, back], timeout=0.5)
    print(f"done: {len(done)}, waiting for each other: {len(pending)}")
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)


asyncio.run(main())
