import asyncio
import sys
from dataclasses import dataclass

import aiohttp  # noqa: F401


@dataclass
class Result:
    url: str
    status: int | None = None
    body: str | None = None
    error: str | None = None


async def fetch_all(urls, *, limit=10, seconds=2.0):
    """Fetch all URLs, at most `limit` at a time; return a Result for each, in order."""
    # Your code.


async def main():
    for result in await fetch_all(sys.argv[1:]):
        print(result.error or result.status, result.url)


if __name__ == "__main__":
    asyncio.run(main())
