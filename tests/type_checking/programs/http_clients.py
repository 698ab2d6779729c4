"""``aioxide.http.Transport`` goes where httpx and httpx2 ask for a transport of theirs."""

from __future__ import annotations

import ssl
from typing import assert_type

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


def run() -> None:
    aioxide.run(both())
    aioxide.install(http=True)
    aioxide.uninstall()
