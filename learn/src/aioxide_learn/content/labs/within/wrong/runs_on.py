# expects: asyncio.wait and asyncio.shield leave it running
import asyncio


async def within(seconds, coroutine, default=None):
    task = asyncio.ensure_future(coroutine)
    done, _ = await asyncio.wait([task], timeout=seconds)
    return task.result() if done else default
