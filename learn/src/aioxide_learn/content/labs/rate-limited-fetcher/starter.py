import asyncio
import sys

import aiohttp  # noqa: F401


async def fetch_all(urls, *, rate=5, attempts=4):
    """Fetch all URLs, `rate` requests a second, and again while the site is busy."""
    # Your code.


async def main():
    for status, body in await fetch_all(sys.argv[1:]):
        print(status, len(body))


if __name__ == "__main__":
    asyncio.run(main())
