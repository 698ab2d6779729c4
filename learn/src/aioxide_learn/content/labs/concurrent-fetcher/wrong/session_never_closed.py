# expects: The session was never closed
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
        except TimeoutError:
            return Result(url, error="timeout")
        except aiohttp.ClientError:
            return Result(url, error="connection")


async def fetch_all(urls, *, limit=10, seconds=2.0):
    slots = asyncio.Semaphore(limit)
    session = aiohttp.ClientSession()
    return await asyncio.gather(*(fetch(session, url, slots, seconds) for url in urls))
