# expects: fetched one after the other
import aiohttp


async def fetch_all(urls):
    results = []
    async with aiohttp.ClientSession() as session:
        for url in urls:
            try:
                async with session.get(url) as response:
                    results.append((response.status, await response.text()))
            except aiohttp.ClientError:
                results.append((None, ""))
    return results
