"""Six requests over one session, which may have three connections."""

import asyncio

import aiohttp
from aiohttp import web


async def answer(request):
    await asyncio.sleep(0.3)
    return web.Response(text="page")


async def fetch(session, url):
    async with session.get(url) as response:
        return await response.text()


async def main():
    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    connector = aiohttp.TCPConnector(limit=3)
    async with aiohttp.ClientSession(connector=connector) as session:
        async with asyncio.TaskGroup() as group:
            for number in range(6):
                group.create_task(fetch(session, url), name=f"fetch {number}")
    await runner.cleanup()


asyncio.run(main())
