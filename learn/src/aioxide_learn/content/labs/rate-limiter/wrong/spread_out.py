# expects: Do not spread them
import asyncio


class RateLimiter:
    def __init__(self, rate, per):
        self.pause = per / rate
        self.lock = asyncio.Lock()

    async def __aenter__(self):
        async with self.lock:
            await asyncio.sleep(self.pause)

    async def __aexit__(self, *exc_info):
        pass
