"""Requests of httpx and httpx2 over one native pool."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterable, AsyncIterator
from types import AsyncGeneratorType
from typing import Any

from .._connecting import Connector
from .._errors import Http11Required, RemoteProtocolError, WriteError
from .._native import HttpPool, HttpResponse
from .._origins import DEFAULT_PORTS, Origin
from .errors import FAILURES, connected, is_of_connecting, translated
from .network_streams import NetworkStream, UpgradedStream
from .packages import Package, package_of
from .settings import Settings
from .tracing import Trace, TracedBody, is_wanted, observer

__all__ = ("Pool",)

#: Origins that are remembered, so that a request does not make its own.
MOST_ORIGINS = 4096

#: Bytes of a response's head.
LONGEST_HEAD = 100 * 1024

_NO_TIMEOUTS: dict[str, float | None] = {}
_VERSIONS = {(2, 0): b"HTTP/2", (1, 1): b"HTTP/1.1", (1, 0): b"HTTP/1.0"}
_ENCRYPTED = ("https", "wss")


class Pool:
    """The connections of one transport on one loop.

    Arguments:
        settings: of the transport.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._origins: dict[tuple[Any, ...], Origin] = {}
        self._connector = Connector(
            local_address=settings.local_address,
            socket_options=settings.socket_options,
            alpn=settings.protocols,
        )
        self.native = HttpPool(
            self._connect,
            limit=settings.max_connections,
            max_idle=settings.max_keepalive_connections,
            keepalive_expiry=settings.keepalive_expiry,
            # Only the whole head has a limit in httpcore.
            head_size=LONGEST_HEAD,
            line_length=LONGEST_HEAD,
            header_count=LONGEST_HEAD,
            http2="h2" in settings.protocols,
        )

    async def send(self, request: Any) -> Any:
        """Send a request of httpx or httpx2, and return the response once its head has arrived.

        Raises:
            TypeError: the request is of neither package.
            RequestError: the package's own, about ``request``.

        Cancellation closes the connection.
        """
        package = package_of(type(request))
        extensions = request.extensions
        url = request.url
        place = (url.raw_scheme, url.raw_host, url.port, extensions.get("sni_hostname"))
        origin = self._origins.get(place)
        if origin is None:
            origin = self._new_origin(package, request, *place)
        target = extensions.get("target")
        if target is None:
            target = url.raw_path
        headers = request.headers.raw
        if origin.proxy is not None and origin.is_forwarded:
            target, headers = _for_proxy(origin, url, target, headers)
        limits = extensions.get("timeout", _NO_TIMEOUTS).get
        timeouts = (limits("pool"), limits("connect"), limits("read"), limits("write"))

        trace = None
        if is_wanted(package, extensions):
            trace = Trace(package, request, origin, target, headers)
        stream = request.stream
        body = b"".join(stream) if type(stream) is package.ByteStream else None
        retries = self._settings.retries
        delays = None
        may_fall_back = body is not None and trace is not None
        while True:
            try:
                if trace is not None:
                    response = await trace.attempt(self, target, headers, timeouts)
                elif body is None:
                    response = await self._send_streamed(
                        package, request, origin, target, headers, timeouts
                    )
                else:
                    response = await self.native.request(
                        origin, request.method, target, headers, body or None, timeouts=timeouts
                    )
                break
            except FAILURES as error:
                if may_fall_back and isinstance(error, Http11Required):
                    # Without a trace the native half has sent it again itself.
                    may_fall_back = False
                    continue
                if isinstance(error, OSError) and (body is None or trace is not None):
                    raise  # It comes from the caller's body, or from the callback.
                if retries <= 0 or origin.proxy is not None or not is_of_connecting(error):
                    raise translated(package, error, request) from error
            retries -= 1
            delays = delays or backoff()
            await asyncio.sleep(next(delays))
        return answer(package, request, response, trace)

    def close(self) -> None:
        """Close all connections; those who wait for one get an exception."""
        self.native.close()

    async def _send_streamed(
        self,
        package: Package,
        request: Any,
        origin: Origin,
        target: bytes,
        headers: Any,
        timeouts: tuple[float | None, ...],
    ) -> HttpResponse:
        pool, connect, read, write = timeouts
        lease = self.native.try_acquire(origin)
        if lease is None:
            lease = await self.native.acquire(origin, pool)
        try:
            if not lease.is_connected:
                await connected(lease, connect)
            exchange = lease.open(
                request.method, target, headers, read_timeout=read, write_timeout=write
            )
        except BaseException:
            lease.close()
            raise
        try:
            await self.send_body(exchange, request.stream)
            return await exchange.response()
        except BaseException:
            exchange.close()
            raise

    @staticmethod
    async def send_body(exchange: Any, stream: AsyncIterable[bytes]) -> None:
        """Send a body piece by piece, and its end.

        A peer may answer, and close the connection, before it has all of it. So a failure to write
        is no failure of the request: the response is read next.
        """
        try:
            async with _closing(stream.__aiter__()) as pieces:
                async for piece in pieces:
                    if piece and not await exchange.write(piece):
                        return
            await exchange.end()
        except WriteError:
            pass

    def _new_origin(
        self, package: Package, request: Any, scheme: bytes, host: bytes, port: int | None, name
    ) -> Origin:
        text = scheme.decode("ascii")
        if text not in ("http", "https", "ws", "wss"):
            message = f"Request URL has an unsupported protocol '{text}://'."
            if not text:
                message = "Request URL is missing an 'http://' or 'https://' protocol."
            raise package.exceptions["UnsupportedProtocol"](message, request=request)
        settings = self._settings
        proxy = settings.proxy
        if proxy is not None and proxy.scheme == "https" and proxy.tls is None:
            proxy = proxy._replace(tls=settings.tls(package))
        origin = Origin(
            text,
            host.decode("ascii"),
            DEFAULT_PORTS[text] if port is None else port,
            settings.tls(package) if text in _ENCRYPTED else None,
            name,
            proxy,
            settings.unix_path,
        )
        if len(self._origins) >= MOST_ORIGINS:
            self._origins.clear()
        self._origins[scheme, host, port, name] = origin
        return origin

    async def _connect(
        self, origin: Origin, protocol: asyncio.Protocol, only_http1: bool = False
    ) -> Any:
        if only_http1 and "http/1.1" not in self._settings.protocols:
            raise RemoteProtocolError("the server requires HTTP/1.1, which is switched off")
        return await self._connector.connect(origin, protocol, observer.get(), only_http1)


def answer(package: Package, request: Any, response: HttpResponse, trace: Trace | None) -> Any:
    """Return the package's response for a native one."""
    stream: NetworkStream
    coding = response.get("transfer-encoding")
    if coding is not None and coding.lower() != "chunked":
        # Nobody would decode it.
        response.close()
        error = RemoteProtocolError(f"unsupported transfer-encoding {coding!r}")
        raise translated(package, error, request)
    if response.is_upgrade:
        stream = UpgradedStream(response, package)
        body = package.UpgradedBody(stream)
    else:
        stream = NetworkStream(response.info)
        if trace is None:
            body = package.Body(response, request)
        else:
            body = package.byte_stream(TracedBody)(response, request, trace)
    extensions = {
        "http_version": _VERSIONS.get(response.version, b"HTTP/1.1"),
        "reason_phrase": response.reason,
        "network_stream": stream,
    }
    if response.version == (2, 0):
        del extensions["reason_phrase"]  # It has none: the package names the status.
    return package.Response(
        response.status,
        headers=package.headers(response.raw_headers),
        stream=body,
        extensions=extensions,
    )


@contextlib.asynccontextmanager
async def _closing(pieces: AsyncIterator[bytes]) -> AsyncIterator[AsyncIterator[bytes]]:
    try:
        yield pieces
    finally:
        if isinstance(pieces, AsyncGeneratorType):
            await pieces.aclose()


def backoff():
    """Yield the seconds to wait before each further attempt: 0, 0.5, 1, 2, 4 and so on."""
    yield 0.0
    for power in itertools.count(-1):
        yield 2.0**power


def _for_proxy(origin: Origin, url: Any, target: bytes, headers: Any) -> tuple[bytes, Any]:
    """Return target and headers of a request that a proxy forwards."""
    assert origin.proxy is not None
    if target.startswith(b"/"):
        target = b"%b://%b%b" % (url.raw_scheme, url.netloc, target)
    if origin.proxy.headers:
        given = {name.lower() for name, _ in headers}
        own = [field for field in origin.proxy.headers if field[0].lower() not in given]
        headers = own + headers
    return target, headers
