"""The HTTP clients that the soak can use, each behind the same few methods.

On aioxide's loop all of them are its native client behind the library's interface; on asyncio's
they are the library itself, as the control.
"""

from __future__ import annotations

import importlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from http_wire import Asked, pieces


class Lost(Exception):
    """The connection ended before the answer did."""


class Response:
    """An answer whose head is there."""

    def __init__(self, headers: Any, content: AsyncIterator[bytes]) -> None:
        self.headers = headers
        self.content = content


async def piecewise(data: bytes) -> AsyncIterator[bytes]:
    for piece in pieces(data):
        yield piece


class Aiohttp:
    """A session of aiohttp's, or `aioxide.http.ClientSession`."""

    shares_connections = False

    def __init__(self, is_native: bool, limit: int | None, context: ssl.SSLContext | None) -> None:
        import aiohttp

        session_class = aiohttp.ClientSession
        if is_native:
            import aioxide.http

            session_class = aioxide.http.ClientSession
        connector = aiohttp.TCPConnector(limit=limit or 0, ssl=context or True)
        self._session = session_class(
            connector=connector, timeout=aiohttp.ClientTimeout(total=None)
        )

    async def close(self) -> None:
        await self._session.close()

    @asynccontextmanager
    async def ask(
        self, base: str, asked: Asked, patience: float | None, is_streamed: bool
    ) -> AsyncIterator[Response]:
        """Send a request and wait for the head of the answer.

        Args:
            base: the server's address.
            asked: the request.
            patience: seconds for a read; None without a limit.
            is_streamed: the request's body is made while it is sent.

        Raises:
            TimeoutError: a read took longer.
            Lost: the connection ended.
        """
        import aiohttp

        body = asked.body() if asked.upload else None
        data = piecewise(body) if body and is_streamed else body
        limits = aiohttp.ClientTimeout(total=None, sock_read=patience)
        method = "POST" if asked.upload else "GET"
        try:
            async with self._session.request(
                method, base + asked.path, data=data, timeout=limits
            ) as response:
                yield Response(response.headers, response.content.iter_any())
        except TimeoutError:
            raise
        except aiohttp.ClientError as error:
            raise Lost from error


class Httpx:
    """A client of httpx's or httpx2's, over `aioxide.http.Transport` or its own.

    With `http2`, its requests over TLS are streams of one connection.
    """

    def __init__(
        self,
        package: str,
        is_native: bool,
        limit: int | None,
        context: ssl.SSLContext | None,
        http2: bool = False,
    ) -> None:
        self._module = importlib.import_module(package)
        self.shares_connections = http2
        limits = self._module.Limits(max_connections=limit, max_keepalive_connections=limit)
        options: dict[str, Any] = {"verify": context or False, "limits": limits, "http2": http2}
        if is_native:
            import aioxide.http

            options = {"transport": aioxide.http.Transport(**options)}
        self._client = self._module.AsyncClient(trust_env=False, timeout=None, **options)

    async def close(self) -> None:
        await self._client.aclose()

    @asynccontextmanager
    async def ask(
        self, base: str, asked: Asked, patience: float | None, is_streamed: bool
    ) -> AsyncIterator[Response]:
        """As `Aiohttp.ask`."""
        body = asked.body() if asked.upload else None
        content = piecewise(body) if body and is_streamed else body
        limits = self._module.Timeout(None, read=patience)
        method = "POST" if asked.upload else "GET"
        try:
            async with self._client.stream(
                method, base + asked.path, content=content, timeout=limits
            ) as response:
                yield Response(response.headers, response.aiter_bytes())
        except self._module.TimeoutException as error:
            raise TimeoutError from error
        except self._module.TransportError as error:
            raise Lost from error


def make(name: str, is_native: bool, limit: int | None, context: ssl.SSLContext | None) -> Any:
    """A client of the library of that name."""
    if name == "aiohttp":
        return Aiohttp(is_native, limit, context)
    package, _, version = name.partition("+")
    # What a context offers is set by each client, and this one differs from the others.
    own = _copy(context) if version and context is not None else context
    return Httpx(package, is_native, limit, own, http2=version == "http2")


def _copy(context: ssl.SSLContext) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.load_verify_locations(cadata=b"".join(context.get_ca_certs(binary_form=True)))
    return made


LIBRARIES = ("aiohttp", "httpx", "httpx2", "httpx+http2")
