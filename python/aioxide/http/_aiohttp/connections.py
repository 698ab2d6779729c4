"""A connector's native connections: its pool, how they are opened, and one limit for all.

A connector's connections are of two kinds once native requests use it: those of the native pool,
and aiohttp's own (for web sockets, middlewares and the like). Both count: before aiohttp's own
code takes or opens a connection, it takes a place in the native pool, which it gives back with the
connection. So the native pool's limits, which are the connector's, hold over both.

Connections are opened by the connector itself, with its resolver, cache of addresses, TLS context,
proxies and time limits, and with its exceptions. Then the native protocol takes the transport over.
A numeric address without TLS needs none of that: the loop connects to it, if all of the connector
is aiohttp's own.
"""

from __future__ import annotations

import asyncio
import re
import warnings
import weakref
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

import aiohappyeyeballs
from aiohttp import ClientConnectionError, ClientConnectorError, ServerDisconnectedError
from aiohttp.client_reqrep import ClientRequest, ConnectionKey
from aiohttp.connector import BaseConnector, Connection, TCPConnector
from aiohttp.helpers import ceil_timeout
from yarl import URL

from ...loop import Loop
from .._native import HttpPool
from .eligibility import CONNECTORS

if TYPE_CHECKING:
    from aiohttp import ClientTimeout
    from aiohttp.tracing import Trace

    from ..._aioxide import ByteStream

__all__ = ("ATTRIBUTE", "Connections", "Origin", "connections_of")

#: The attribute of a connector that holds its :class:`Connections`.
ATTRIBUTE = "_aioxide_connections"


class Origin:
    """Where a request goes: requests with the same origin share connections.

    The native pool finds an origin by identity, so there is one object for each of aiohttp's keys.
    """

    __slots__ = ("__weakref__", "attempt", "key", "ssl", "server_hostname", "url")

    def __init__(self, key: ConnectionKey, url: URL) -> None:
        self.key = key
        self.url = url
        self.ssl = key.ssl
        self.server_hostname = key.server_hostname
        #: What the next attempt to connect needs: aiohttp's request (None: the origin says it all),
        #: traces, and time limits. Set just before a request, and read when the attempt starts.
        self.attempt: tuple[ClientRequest | None, Sequence[Trace], ClientTimeout] | None = None

    def request(self, loop: asyncio.AbstractEventLoop) -> ClientRequest:
        """Return a request as the connector wants one: only where it goes matters."""
        return ClientRequest(
            "GET", self.url, loop=loop, ssl=self.ssl, server_hostname=self.server_hostname
        )


class Connections:
    """The native connections of one connector."""

    def __init__(self, connector: BaseConnector) -> None:
        self.loop = connector._loop
        self.name = repr(connector)
        #: By key. The native pool holds those that it has connections of.
        self.origins: weakref.WeakValueDictionary[ConnectionKey, Origin]
        self.origins = weakref.WeakValueDictionary()
        force_close = connector._force_close
        self.pool = HttpPool(
            _opener(weakref.ref(connector)),
            limit=connector._limit or None,
            limit_per_host=connector._limit_per_host or None,
            max_idle=0 if force_close else None,
            keepalive_expiry=0.0 if force_close else connector._keepalive_timeout,
        )

    def origin(self, key: ConnectionKey, url: URL) -> Origin:
        """Return the one origin with this key."""
        found = self.origins.get(key)
        if found is None:
            found = self.origins[key] = Origin(key, url)
        return found

    def close(self) -> Awaitable[object] | None:
        """Close every connection; return what is done when the transports have closed."""
        pool = self.pool
        if pool.closed:
            return None
        busy = pool.idle or pool.in_use
        pool.close()
        if not busy or self.loop.is_closed():
            return None
        done = self.loop.create_future()
        # The transports report their end in the next iteration; this runs behind them.
        self.loop.call_soon(self.loop.call_soon, _set, done)
        return done

    def __del__(self, _warn: Callable[..., None] = warnings.warn) -> None:
        pool = getattr(self, "pool", None)
        if pool is None or pool.closed or not (pool.idle or pool.in_use):
            return
        pool.close()
        _warn(f"Unclosed connector {self.name}", ResourceWarning, source=self)
        if not self.loop.is_closed():
            context = {"connector": self.name, "message": "Unclosed connector"}
            self.loop.call_exception_handler(context)


def connections_of(connector: BaseConnector) -> Connections | None:
    """Return a connector's native connections, made at its first use.

    None: the connector is of a class of its own, something in it was replaced, or aiohttp's code
    holds connections that the native pool would not count.
    """
    found: Connections | None = connector.__dict__.get(ATTRIBUTE)
    if found is not None:
        return found
    if type(connector) not in CONNECTORS or connector._acquired or connector._closed:
        return None
    if not _REPLACED.isdisjoint(connector.__dict__):
        return None
    found = Connections(connector)
    here = weakref.ref(connector)
    connector.__dict__.update(
        {ATTRIBUTE: found, "connect": _counted(here, found), "_close": _closer(here, found)}
    )
    return found


#: Attributes of an instance that say that somebody has replaced a method of it.
_REPLACED = frozenset(("connect", "_connect", "_create_connection", "_close", "_get", "_release"))


def _opener(here: weakref.ref[BaseConnector]) -> Callable[[Origin, ByteStream], Awaitable[object]]:
    """Return the function by which the native pool opens a connection."""

    def connect(origin: Origin, protocol: ByteStream) -> Awaitable[object]:
        attempt = origin.attempt
        assert attempt is not None
        return open_connection(here(), origin, protocol, *attempt)

    return connect


async def open_connection(
    connector: BaseConnector | None,
    origin: Origin,
    protocol: ByteStream,
    request: ClientRequest | None,
    traces: Sequence[Trace],
    timeout: ClientTimeout,
) -> object:
    """Open a connection by the connector's own code and give it to the native protocol."""
    if connector is None or connector._closed:
        raise ClientConnectionError("Connector is closed.")
    if request is None:
        connecting = _directly(connector, origin, protocol)
        if connecting is not None:
            await _within_limit(connecting, origin, timeout)
            return None
        request = origin.request(connector._loop)
    handler = await connector._create_connection(request, list(traces), timeout)
    transport = handler.transport
    if transport is None or transport.is_closing():
        raise ServerDisconnectedError
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    if handler._tail:
        # The peer spoke first.
        protocol.data_received(handler._tail)
    return None


#: A numeric address as aiohttp takes it: nothing that stands for an address in an old form.
_is_address = re.compile(r"(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})").fullmatch

#: aiohttp's functions on the way to a connection that is made without them.
_WAY = tuple(
    (place, name, getattr(place, name))
    for place, name in (
        (TCPConnector, "_create_direct_connection"),
        (TCPConnector, "_wrap_create_connection"),
        (TCPConnector, "_resolve_host"),
        (TCPConnector, "_get_ssl_context"),
        (aiohappyeyeballs, "start_connection"),
    )
)


def _directly(
    connector: BaseConnector, origin: Origin, protocol: ByteStream
) -> Awaitable[Any] | None:
    """Begin to connect to a numeric address without a socket object, resolver and handler.

    None: only the connector's own code can connect, or something in it was replaced.
    """
    url = origin.url
    loop = connector._loop
    if (
        url.scheme != "http"
        or not _is_address(url.raw_host or "")
        or type(connector) is not TCPConnector
        or connector._family != 0
        or connector._local_addr_infos is not None
        or connector._socket_factory is not None
        or not _OWN.isdisjoint(connector.__dict__)
        or any(getattr(place, name) is not function for place, name, function in _WAY)
        or not isinstance(loop, Loop)
    ):
        return None
    assert url.raw_host is not None and url.port is not None
    return loop._connect_directly(lambda: protocol, url.raw_host, url.port)


_OWN = frozenset(name for _, name, _ in _WAY)


async def _within_limit(connecting: Awaitable[Any], origin: Origin, timeout: ClientTimeout) -> None:
    """Connect as aiohttp's connector does: with its limit, and its exceptions."""
    try:
        async with ceil_timeout(timeout.sock_connect, timeout.ceil_threshold):
            await connecting
    except OSError as error:
        if error.errno is None and isinstance(error, TimeoutError):
            raise
        raise ClientConnectorError(origin.key, error) from error


def _counted(
    here: weakref.ref[BaseConnector], connections: Connections
) -> Callable[..., Awaitable[Connection]]:
    """Return `connect` of the connector, for aiohttp's own code: it takes a native place first."""

    async def connect(
        req: ClientRequest, traces: list[Trace], timeout: ClientTimeout
    ) -> Connection:
        connector = here()
        assert connector is not None
        own = type(connector).connect
        origin = connections.origin(req.connection_key, req.url)
        pool = connections.pool
        if pool.closed:
            return await own(connector, req, traces, timeout)
        place = pool.try_acquire(origin)
        if place is None:
            async with ceil_timeout(timeout.connect, timeout.ceil_threshold):
                for trace in traces:
                    await trace.send_connection_queued_start()
                place = await pool.acquire(origin)
                for trace in traces:
                    await trace.send_connection_queued_end()
        try:
            # It does not wait once more: aiohttp's own count is never above the native one.
            connection = await own(connector, req, traces, timeout)
        except BaseException:
            place.release()
            raise
        connection.add_callback(place.release)
        return connection

    return connect


def _closer(
    here: weakref.ref[BaseConnector], connections: Connections
) -> Callable[..., list[Awaitable[object]]]:
    """Return `_close` of the connector: it closes the native connections too."""

    def close(**options: Any) -> list[Awaitable[object]]:
        connector = here()
        if connector is None:
            return []
        waiters = type(connector)._close(connector, **options)
        if (closed := connections.close()) is not None:
            waiters.append(closed)
        return waiters

    return close


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
