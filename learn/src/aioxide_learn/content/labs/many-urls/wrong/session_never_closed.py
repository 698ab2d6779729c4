# expects: The session was never closed
import asyncio

import aiohttp


async def fetch(session, url):
    try:
        async with session.get(url) as response:
            return response.status, await response.text()
    except aiohttp.ClientError:
        return None, ""


async def fetch_all(urls):
    session = aiohttp.ClientSession()
    return await asyncio.gather(*(fetch(session, url) for url in urls))
