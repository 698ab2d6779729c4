import asyncio
import sys

import aiohttp  # noqa: F401


async def fetch_all(urls):
    """Fetch all URLs at the same time; return (status, body) for each, in order."""
    # Your code.


async def main():
    urls = sys.argv[1:]
    for url, (status, body) in zip(urls, await fetch_all(urls), strict=True):
        print(status, len(body), url)


if __name__ == "__main__":
    asyncio.run(main())
