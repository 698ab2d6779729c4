# expects: the time limit has to cover `response.text()` too
import asyncio
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
            response = await asyncio.wait_for(session.get(url), seconds)
            async with response:
                return Result(url, response.status, await response.text())
        except TimeoutError:
            return Result(url, error="timeout")
        except aiohttp.ClientError:
            return Result(url, error="connection")


async def fetch_all(urls, *, limit=10, seconds=2.0):
    slots = asyncio.Semaphore(limit)
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        tasks = [group.create_task(fetch(session, url, slots, seconds)) for url in urls]
    return [task.result() for task in tasks]
