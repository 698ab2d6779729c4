# expects: cannot reuse already awaited coroutine
import asyncio


async def retry(call, *, attempts=5, base=0.1, longest=2.0, on=(ConnectionError, TimeoutError)):
    coroutine = call()
    for attempt in range(attempts):
        try:
            return await coroutine
        except on:
            if attempt == attempts - 1:
                raise
        await asyncio.sleep(min(base * 2**attempt, longest))
