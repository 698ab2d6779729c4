"""``aioxide.http.Transport`` goes where httpx and httpx2 ask for a transport of theirs, and
``aioxide.http.ClientSession`` is a session of aiohttp.
"""

from __future__ import annotations

import ssl
from typing import assert_type

import aiohttp
import aioxide
import aioxide.http
import httpx
import httpx2


async def both() -> None:
    transport = aioxide.http.Transport(
        verify=ssl.create_default_context(), limits=httpx.Limits(max_connections=10), retries=1
    )
    async with httpx.AsyncClient(transport=transport) as client:
        assert_type(client, httpx.AsyncClient)
    mounts = {"https://": aioxide.http.Transport(proxy="socks5://localhost:1080")}
    async with httpx2.AsyncClient(mounts=mounts) as other:
        assert_type(other, httpx2.AsyncClient)
    async with aioxide.http.Transport() as entered:
        assert_type(entered, aioxide.http.Transport)


async def session() -> None:
    # Read by type checkers only: nobody answers.
    async with aioxide.http.ClientSession("http://localhost/", raise_for_status=True) as session:
        as_aiohttps: aiohttp.ClientSession = session
        async with as_aiohttps.get("path", params={"a": "b"}) as response:
            assert_type(response, aiohttp.ClientResponse)
        assert_type(await session.post("path", json=[1]), aiohttp.ClientResponse)


def run() -> None:
    aioxide.run(both())
    aioxide.install(http=True)
    aioxide.uninstall()
