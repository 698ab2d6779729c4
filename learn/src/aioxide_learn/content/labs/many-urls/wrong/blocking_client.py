# expects: a blocking connection stops the whole event loop
import asyncio
import urllib.error
import urllib.request


async def fetch(url):
    try:
        with urllib.request.urlopen(url) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return None, ""


async def fetch_all(urls):
    return await asyncio.gather(*(fetch(url) for url in urls))
