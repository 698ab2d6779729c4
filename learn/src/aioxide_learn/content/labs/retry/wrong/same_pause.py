# expects: Each should be twice the last one
import asyncio


async def retry(call, *, attempts=5, base=0.1, longest=2.0, on=(ConnectionError, TimeoutError)):
    for attempt in range(attempts):
        try:
            return await call()
        except on:
            if attempt == attempts - 1:
                raise
        await asyncio.sleep(base)
