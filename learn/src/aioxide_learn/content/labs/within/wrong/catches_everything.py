# expects: catch TimeoutError alone
import asyncio


async def within(seconds, coroutine, default=None):
    try:
        return await asyncio.wait_for(coroutine, seconds)
    except Exception:
        return default
