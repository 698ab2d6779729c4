# expects: took it for lateness
import asyncio


async def within(seconds, coroutine, default=None):
    try:
        return await asyncio.wait_for(coroutine, seconds)
    except TimeoutError:
        return default
