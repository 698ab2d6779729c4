# expects: not how many run at a time
import asyncio

import aiohttp


async def fetch(session, url, slots, attempts):
    for attempt in range(attempts):
        async with slots, session.get(url) as response:
            answer = response.status, await response.text()
            pause = float(response.headers.get("Retry-After", 2**attempt))
        if response.status != 503 or attempt == attempts - 1:
            break
        await asyncio.sleep(pause)
    return answer


async def fetch_all(urls, *, rate=5, attempts=4):
    slots = asyncio.Semaphore(rate)
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        tasks = [group.create_task(fetch(session, url, slots, attempts)) for url in urls]
    return [task.result() for task in tasks]
