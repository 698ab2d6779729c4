# expects: After three answers 503 the fourth attempt succeeds
import asyncio

import aiohttp


class RateLimiter:
    def __init__(self, rate, per=1.0):
        self.slots = asyncio.Semaphore(rate)
        self.per = per

    async def enter(self):
        await self.slots.acquire()
        asyncio.get_running_loop().call_later(self.per, self.slots.release)


async def fetch(session, url, limiter, attempts):
    await limiter.enter()
    async with session.get(url) as response:
        return response.status, await response.text()


async def fetch_all(urls, *, rate=5, attempts=4):
    limiter = RateLimiter(rate)
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        tasks = [group.create_task(fetch(session, url, limiter, attempts)) for url in urls]
    return [task.result() for task in tasks]
