# expects: not when the caller leaves
import asyncio


class RateLimiter:
    def __init__(self, rate, per):
        self.slots = asyncio.Semaphore(rate)

    async def __aenter__(self):
        await self.slots.acquire()

    async def __aexit__(self, *exc_info):
        self.slots.release()
