"""Fetches pages, three at a time and not more often than every ten milliseconds."""

import asyncio

PAGES = 12
AT_A_TIME = 3
INTERVAL = 0.01


class RateLimit:
    """Lets callers pass one by one, with an interval in between."""

    def __init__(self, begin):
        self.lock = asyncio.Lock()
        self.next = begin

    async def pass_(self):
        loop = asyncio.get_running_loop()
        async with self.lock:
            while (left := self.next - loop.time()) > 0:
                await asyncio.sleep(left)
            self.next = loop.time() + INTERVAL


class Fetcher:
    def __init__(self, begin):
        self.places = asyncio.Semaphore(AT_A_TIME)
        self.rate = RateLimit(begin)
        self.running = 0
        self.most = 0

    async def fetch(self, number):
        async with self.places:
            await self.rate.pass_()
            self.running += 1
            self.most = max(self.most, self.running)
            await asyncio.sleep(INTERVAL * 2)  # The page comes.
            self.running -= 1
            return number * 100


def text(truth):
    return "true" if truth else "false"


async def main():
    loop = asyncio.get_running_loop()
    begin = loop.time()
    fetcher = Fetcher(begin)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(fetcher.fetch(number)) for number in range(1, PAGES + 1)]
    print(f"{sum(task.result() for task in tasks)} bytes of {PAGES} pages")
    print(f"{AT_A_TIME} at a time at most: {text(fetcher.most <= AT_A_TIME)}")
    print(f"not too often: {text(loop.time() - begin >= INTERVAL * (PAGES - 1))}")


asyncio.run(main())
