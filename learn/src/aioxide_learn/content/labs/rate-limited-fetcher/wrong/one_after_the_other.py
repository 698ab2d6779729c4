# expects: a request waits for the answers of earlier ones
import asyncio

import aiohttp


async def fetch_all(urls, *, rate=5, attempts=4):
    results = []
    async with aiohttp.ClientSession() as session:
        for url in urls:
            for attempt in range(attempts):
                async with session.get(url) as response:
                    answer = response.status, await response.text()
                    pause = float(response.headers.get("Retry-After", 2**attempt))
                await asyncio.sleep(1 / rate)
                if response.status != 503 or attempt == attempts - 1:
                    break
                await asyncio.sleep(pause - 1 / rate)
            results.append(answer)
    return results
