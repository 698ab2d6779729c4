# expects: fetched one after the other
import asyncio
from dataclasses import dataclass

import aiohttp


@dataclass
class Result:
    url: str
    status: int | None = None
    body: str | None = None
    error: str | None = None


async def fetch_all(urls, *, limit=10, seconds=2.0):
    results = []
    async with aiohttp.ClientSession() as session:
        for url in urls:
            try:
                async with asyncio.timeout(seconds), session.get(url) as response:
                    results.append(Result(url, response.status, await response.text()))
            except TimeoutError:
                results.append(Result(url, error="timeout"))
            except aiohttp.ClientError:
                results.append(Result(url, error="connection"))
    return results
