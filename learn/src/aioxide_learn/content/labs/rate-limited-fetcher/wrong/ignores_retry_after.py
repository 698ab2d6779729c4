# expects: The site asked for a pause of 7 seconds
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
    for attempt in range(attempts):
        await limiter.enter()
        async with session.get(url) as response:
            answer = response.status, await response.text()
        if response.status != 503 or attempt == attempts - 1:
            break
        await asyncio.sleep(2**attempt)
    return answer


async def fetch_all(urls, *, rate=5, attempts=4):
    limiter = RateLimiter(rate)
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        tasks = [group.create_task(fetch(session, url, limiter, attempts)) for url in urls]
    return [task.result() for task in tasks]
