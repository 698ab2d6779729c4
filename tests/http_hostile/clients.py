"""The clients that are tried, and what came of a request: the same form for all of them."""

import asyncio
import hashlib
import importlib
from dataclasses import dataclass
from typing import Any

#: Bodies are compared by a digest beyond this many bytes.
SHOWN_BYTES = 200
#: Bytes of an upload that are handed to the library at a time.
PIECE_BYTES = 16384


@dataclass(frozen=True)
class Ask:
    """One request of a case."""

    path: str = "/"
    method: str = "GET"
    #: Bytes, or a number: so many bytes, made while they are sent.
    body: bytes | int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    follow_redirects: bool = False
    #: Close the response after so many bytes of its body.
    stop_after: int | None = None
    #: Seconds between two reads. Only a case that stalls should reach it.
    timeout: float = 20.0
    #: Seconds for connecting, with TLS. The same.
    connecting: float = 20.0
    #: Wait before the request until what the server does after an answer is done and has arrived.
    is_late: bool = False


@dataclass(frozen=True)
class Answered:
    """There was a response."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: Any
    #: How many redirects were followed.
    redirects: int = 0
    cookies: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Failed:
    """There was an exception."""

    #: ``package.Class``.
    error: str


def failed(error):
    """An exception as an outcome."""
    kind = type(error)
    package = kind.__module__.partition(".")[0]
    return Failed(f"{package}.{kind.__qualname__}")


def shown(body):
    """A body, or its length and digest if it is long."""
    if len(body) <= SHOWN_BYTES:
        return bytes(body)
    return len(body), hashlib.sha256(body).hexdigest()[:16]


async def pieces(total):
    """A body that is made while it is sent."""
    for _ in range(0, total, PIECE_BYTES):
        await asyncio.sleep(0)
        yield b"u" * PIECE_BYTES


class Aiohttp:
    """aiohttp, through its session or a class with its interface."""

    package = "aiohttp"

    def __init__(self, session_class=None, tls=None):
        import aiohttp

        self._session_class = session_class or aiohttp.ClientSession
        self._tls = tls

    async def __aenter__(self):
        import aiohttp

        options = {} if self._tls is None else {"ssl": self._tls}
        self._session = self._session_class(
            connector=aiohttp.TCPConnector(**options), cookie_jar=aiohttp.CookieJar(unsafe=True)
        )
        return self

    async def __aexit__(self, *exc_info):
        await self._session.close()

    async def ask(self, base, ask):
        """Do a request and say what came of it."""
        import aiohttp

        data = pieces(ask.body) if isinstance(ask.body, int) else ask.body
        # The time for a read does not end a wait that a 1xx has begun: then the total does.
        limits = aiohttp.ClientTimeout(
            total=3 * ask.timeout, sock_connect=ask.connecting, sock_read=ask.timeout
        )
        try:
            async with self._session.request(
                ask.method,
                base + ask.path,
                data=data,
                headers=ask.headers,
                allow_redirects=ask.follow_redirects,
                timeout=limits,
            ) as response:
                if ask.stop_after is None:
                    body = await response.read()
                else:
                    body = b""
                    async for piece in response.content.iter_any():
                        body += piece
                        if len(body) >= ask.stop_after:
                            body = body[: ask.stop_after]
                            response.close()
                            break
            return Answered(
                response.status,
                tuple(response.headers.items()),
                shown(body),
                len(response.history),
                tuple(sorted((it.key, it.value) for it in self._session.cookie_jar)),
            )
        except Exception as error:
            return failed(error)


class Httpx:
    """httpx or httpx2, over its own transport or another."""

    def __init__(self, package="httpx", make_transport=None, tls=None, is_native=False):
        self.package = package
        self._module = importlib.import_module(package)
        self._make_transport = make_transport
        self._tls = False if tls is None else tls
        self._is_native = is_native

    async def __aenter__(self):
        if self._make_transport is None:
            options = {"verify": self._tls}
        else:
            options = {"transport": self._make_transport(verify=self._tls)}
        self._client = self._module.AsyncClient(trust_env=False, **options)
        return self

    async def __aexit__(self, *exc_info):
        await self._client.aclose()

    async def ask(self, base, ask):
        """Do a request and say what came of it."""
        content = pieces(ask.body) if isinstance(ask.body, int) else ask.body
        try:
            async with self._client.stream(
                ask.method,
                base + ask.path,
                content=content,
                headers=ask.headers,
                follow_redirects=ask.follow_redirects,
                timeout=self._module.Timeout(ask.timeout, connect=ask.connecting),
            ) as response:
                body = b""
                async for piece in response.aiter_bytes():
                    body += piece
                    if ask.stop_after is not None and len(body) >= ask.stop_after:
                        body = body[: ask.stop_after]
                        break
            stream = response.extensions["network_stream"]
            assert type(stream).__module__.startswith("aioxide") == self._is_native, stream
            return Answered(
                response.status_code,
                tuple(response.headers.multi_items()),
                shown(body),
                len(response.history),
                tuple(sorted((it.name, it.value) for it in self._client.cookies.jar)),
            )
        except Exception as error:
            return failed(error)
