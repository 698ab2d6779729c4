import asyncio
import sys
from dataclasses import dataclass

import aiohttp


@dataclass
class Result:
    url: str
    status: int | None = None
    body: str | None = None
    error: str | None = None


async def fetch(session, url, slots, seconds):
    async with slots:
        try:
            async with asyncio.timeout(seconds), session.get(url) as response:
                return Result(url, response.status, await response.text())
        except TimeoutError:
            return Result(url, error="timeout")
        except aiohttp.ClientError:
            return Result(url, error="connection")


async def fetch_all(urls, *, limit=10, seconds=2.0):
    """Fetch all URLs, at most `limit` at a time; return a Result for each, in order."""
    slots = asyncio.Semaphore(limit)
    async with aiohttp.ClientSession() as session:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(fetch(session, url, slots, seconds)) for url in urls]
        return [task.result() for task in tasks]


async def main():
    for result in await fetch_all(sys.argv[1:]):
        print(result.error or result.status, result.url)


if __name__ == "__main__":
    asyncio.run(main())
