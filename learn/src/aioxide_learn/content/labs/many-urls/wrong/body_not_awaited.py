# expects: calls ClientResponse.text() and never awaits it
import asyncio

import aiohttp


async def fetch(session, url):
    try:
        async with session.get(url) as response:
            return response.status, response.text()
    except aiohttp.ClientError:
        return None, ""


async def fetch_all(urls):
    async with aiohttp.ClientSession() as session:
        return await asyncio.gather(*(fetch(session, url) for url in urls))
