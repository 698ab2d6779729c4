# expects: 12 sessions were made for 12 pages
import asyncio

import aiohttp


async def fetch(url):
    try:
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return response.status, await response.text()
    except aiohttp.ClientError:
        return None, ""


async def fetch_all(urls):
    return await asyncio.gather(*(fetch(url) for url in urls))
