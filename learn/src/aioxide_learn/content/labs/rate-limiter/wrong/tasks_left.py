# expects: Whoever starts a task also waits for its end
import asyncio


class RateLimiter:
    def __init__(self, rate, per):
        self.slots = asyncio.Semaphore(rate)
        self.per = per
        self.tasks = []

    async def give_back(self):
        await asyncio.sleep(self.per)
        self.slots.release()

    async def __aenter__(self):
        await self.slots.acquire()
        self.tasks.append(asyncio.create_task(self.give_back()))

    async def __aexit__(self, *exc_info):
        pass
