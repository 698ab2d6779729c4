# expects: nothing to wait for after the last failure
import asyncio


async def retry(call, *, attempts=5, base=0.1, longest=2.0, on=(ConnectionError, TimeoutError)):
    last = None
    for attempt in range(attempts):
        try:
            return await call()
        except on as error:
            last = error
            await asyncio.sleep(min(base * 2**attempt, longest))
    raise last
