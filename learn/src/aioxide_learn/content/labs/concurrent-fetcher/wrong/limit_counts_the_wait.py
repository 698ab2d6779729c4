# expects: Begin the time limit when you have the slot
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
    try:
        async with asyncio.timeout(seconds), slots, session.get(url) as response:
            return Result(url, response.status, await response.text())
    except TimeoutError:
        return Result(url, error="timeout")
    except aiohttp.ClientError:
        return Result(url, error="connection")


async def fetch_all(urls, *, limit=10, seconds=2.0):
    slots = asyncio.Semaphore(limit)
    async with aiohttp.ClientSession() as session:
        return await asyncio.gather(*(fetch(session, url, slots, seconds) for url in urls))
