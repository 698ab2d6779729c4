# expects: as if the time were over: the CancelledError was swallowed
import asyncio


async def within(seconds, coroutine, default=None):
    try:
        return await asyncio.wait_for(coroutine, seconds)
    except (TimeoutError, asyncio.CancelledError):
        return default
