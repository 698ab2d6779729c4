# expects: asyncio.wait and asyncio.shield leave it running
import asyncio


async def within(seconds, coroutine, default=None):
    try:
        return await asyncio.wait_for(asyncio.shield(coroutine), seconds)
    except TimeoutError:
        return default
