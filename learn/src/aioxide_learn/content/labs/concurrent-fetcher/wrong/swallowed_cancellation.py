# expects: made a result of the cancellation
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
            async with asyncio.timeout(seconds), session.get(url) as response:
                return Result(url, response.status, await response.text())
        except aiohttp.ClientError:
            return Result(url, error="connection")
        except BaseException:
            return Result(url, error="timeout")


async def fetch_all(urls, *, limit=10, seconds=2.0):
    slots = asyncio.Semaphore(limit)
    async with aiohttp.ClientSession() as session:
        tasks = [asyncio.create_task(fetch(session, url, slots, seconds)) for url in urls]
        try:
            await asyncio.wait(tasks)
        except asyncio.CancelledError:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        return [task.result() for task in tasks]
