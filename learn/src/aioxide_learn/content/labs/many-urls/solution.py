import asyncio
import sys

import aiohttp


async def fetch(session, url):
    try:
        async with session.get(url) as response:
            return response.status, await response.text()
    except aiohttp.ClientError:
        return None, ""


async def fetch_all(urls):
    """Fetch all URLs at the same time; return (status, body) for each, in order."""
    async with aiohttp.ClientSession() as session:
        return await asyncio.gather(*(fetch(session, url) for url in urls))


async def main():
    urls = sys.argv[1:]
    for url, (status, body) in zip(urls, await fetch_all(urls), strict=True):
        print(status, len(body), url)


if __name__ == "__main__":
    asyncio.run(main())
