"""1,000 URLs with failures among them, fetched by aiohttp under ``--http``."""

import asyncio
from collections import Counter

import aiohttp
from harness.given import Given

from programs.applications.http_api import Api

#: Of a thousand.
FAILING = {"/drop": 20, "/status/500": 20, "/cut": 20, "/never": 20, "/redirect/50": 20}
AT_ONCE = 50
#: Seconds for what is never answered, and for the rest: a busy machine must not matter.
NEVER_SECONDS = 0.5
SECONDS = 60.0


def main(given: Given) -> None:
    given.run(work(given))


async def work(given: Given) -> None:
    api = Api()
    failing = [path for path, count in FAILING.items() for _ in range(count)]
    total = given.times(1000, 300)
    paths = [f"/json/{number}" for number in range(total - len(failing))] + failing
    # Mixed, and the same in every run.
    paths = [paths[number * 619 % total] for number in range(total)]
    slots = asyncio.Semaphore(AT_ONCE)
    async with api.listening() as base:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(base, connector=connector) as session:
            tasks = [asyncio.create_task(fetch(session, path, slots)) for path in paths]
            results = [await task for task in tasks]
            given.check_native_http()
    given.found("outcomes", results)
    given.found("seen by the server", sorted(api.seen.items()))
    counts = Counter(results)
    assert counts["200"] == total - len(failing), counts
    given.did(f"{total} URLs, {len(failing)} of which fail")


async def fetch(session: aiohttp.ClientSession, path: str, slots: asyncio.Semaphore) -> str:
    """The status, or the exception."""
    limit = NEVER_SECONDS if path == "/never" else SECONDS
    async with slots:
        try:
            async with asyncio.timeout(limit), session.get(path) as response:
                response.raise_for_status()
                await response.read()
                return str(response.status)
        except aiohttp.ClientResponseError as error:
            return f"{type(error).__qualname__} {error.status}"
        except (aiohttp.ClientError, TimeoutError) as error:
            return type(error).__qualname__
