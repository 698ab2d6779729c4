# expects: the caller waits in __aexit__
import asyncio


class RateLimiter:
    def __init__(self, rate, per):
        self.slots = asyncio.Semaphore(rate)
        self.per = per

    async def __aenter__(self):
        await self.slots.acquire()

    async def __aexit__(self, *exc_info):
        await asyncio.sleep(self.per)
        self.slots.release()
