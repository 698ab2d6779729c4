import asyncio
import sys

import aiohttp


class RateLimiter:
    """At most `rate` entries in any `per` seconds."""

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
            pause = float(response.headers.get("Retry-After", 2**attempt))
        if response.status != 503 or attempt == attempts - 1:
            break
        await asyncio.sleep(pause)
    return answer


async def fetch_all(urls, *, rate=5, attempts=4):
    """Fetch all URLs, `rate` requests a second, and again while the site is busy."""
    limiter = RateLimiter(rate)
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        tasks = [group.create_task(fetch(session, url, limiter, attempts)) for url in urls]
    return [task.result() for task in tasks]


async def main():
    for status, body in await fetch_all(sys.argv[1:]):
        print(status, len(body))


if __name__ == "__main__":
    asyncio.run(main())
