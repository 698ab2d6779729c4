"""From an origin to a transport whose protocol is the pool's."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .._loop.addresses import interleave
from .._loop.tls_arguments import Tls
from ..loop import Loop
from ._conversations import Conversation
from ._errors import ProxyUnreachable
from ._origins import Origin, Proxy
from ._resolving import Resolver

if TYPE_CHECKING:
    import ssl

__all__ = ("Connector",)


class Connector:
    """Opens connections: the ``connect`` of a pool.

    Arguments:
        resolver: looks up names; by default one without a cache.
        family: of the addresses, as for ``getaddrinfo()``.
        local_address: a host, or host and port, to connect from.
        happy_eyeballs_delay: seconds after which the next address is tried as well (RFC 8305);
            None tries one after the other.
        interleave: how many addresses of the first family are tried before one of another.
        socket_options: arguments of ``setsockopt()``, for each socket once it is connected.
        alpn: protocols to offer. They are set on the origin's own context, as the client
            libraries do; None leaves that as it is.
        handshake_timeout, shutdown_timeout: seconds, as for ``create_connection()``.

    Not for loops of other kinds: happy eyeballs over addresses that are known already is this
    loop's own.
    """

    def __init__(
        self,
        *,
        resolver: Resolver | None = None,
        family: int = 0,
        local_address: str | tuple[str, int] | None = None,
        happy_eyeballs_delay: float | None = 0.25,
        interleave: int = 1,
        socket_options: Iterable[tuple[Any, ...]] | None = None,
        alpn: tuple[str, ...] | None = None,
        handshake_timeout: float | None = None,
        shutdown_timeout: float | None = None,
    ) -> None:
        if isinstance(local_address, str):
            local_address = (local_address, 0)
        self.resolver = Resolver() if resolver is None else resolver
        self._family = family
        self._local_address = local_address
        self._delay = happy_eyeballs_delay
        self._interleave = interleave
        self._socket_options = tuple(socket_options or ())
        self._alpn = None if alpn is None else list(alpn)
        self._tls_timeouts = (handshake_timeout, shutdown_timeout)

    async def connect(self, origin: Origin, protocol: asyncio.Protocol) -> Origin:
        """Connect to ``origin``; afterwards ``protocol`` has its transport.

        Returns:
            ``origin``.

        Raises:
            OSError: the lookup failed, no address answered, or TLS failed (``ssl.SSLError``).
            ProxyUnreachable: no connection to the proxy.
            ProxyError: the proxy refuses.

        Cancellation, and each failure, closes what was opened.
        """
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Loop)
        proxy = origin.proxy
        if proxy is None:
            sock = await self._open_socket(loop, origin.host, origin.port, origin.unix_path)
            name = origin.server_hostname or origin.host
            await self._open_transport(loop, sock, protocol, origin.tls, name)
        elif origin.is_forwarded:
            await self._reach(loop, proxy, protocol)
        else:
            await self._go_through(loop, proxy, origin, protocol)
        return origin

    async def _go_through(
        self, loop: Loop, proxy: Proxy, origin: Origin, protocol: asyncio.Protocol
    ) -> None:
        conversation = Conversation()
        transport = await self._reach(loop, proxy, conversation)
        try:
            await conversation.ask(proxy, origin.host, origin.port)
            if origin.tls is None:
                transport.set_protocol(protocol)
            else:
                self._offer(origin.tls)
                handshake, shutdown = self._tls_timeouts
                transport = await loop.start_tls(
                    transport,
                    protocol,
                    origin.tls,
                    server_hostname=origin.server_hostname or origin.host,
                    ssl_handshake_timeout=handshake,
                    ssl_shutdown_timeout=shutdown,
                )
                if transport is None:
                    raise ConnectionResetError("the connection was lost during the TLS handshake")
            protocol.connection_made(transport)
        except BaseException:
            if transport is not None:
                transport.abort()
            raise

    async def _reach(
        self, loop: Loop, proxy: Proxy, protocol: asyncio.Protocol
    ) -> asyncio.Transport:
        """Connect to the proxy itself."""
        try:
            sock = await self._open_socket(loop, proxy.host, proxy.port)
            return await self._open_transport(loop, sock, protocol, proxy.tls, proxy.host)
        except OSError as error:
            raise ProxyUnreachable(error) from error

    async def _open_socket(
        self, loop: Loop, host: str, port: int, unix_path: str | None = None
    ) -> socket.socket:
        if unix_path is not None:
            sock = await _open_unix_socket(loop, unix_path)
        else:
            entries = await self.resolver.resolve(host, port, self._family)
            local = self._local_address
            local_entries = None if local is None else await self.resolver.resolve(*local)
            if self._interleave:
                entries = interleave(entries, self._interleave)
            # A race of one would be three tasks for nothing.
            delay = self._delay if len(entries) > 1 else None
            sock = await loop._connect_any(entries, local_entries, delay, False)
        try:
            for option in self._socket_options:
                sock.setsockopt(*option)
        except BaseException:
            sock.close()
            raise
        return sock

    async def _open_transport(
        self,
        loop: Loop,
        sock: socket.socket,
        protocol: asyncio.Protocol,
        context: ssl.SSLContext | None,
        name: str,
    ) -> asyncio.Transport:
        tls = None
        if context is not None:
            self._offer(context)
            handshake, shutdown = self._tls_timeouts
            tls = Tls(context, False, name, handshake, shutdown)
        transport, _ = await loop._open_transport(sock, lambda: protocol, tls, ours=True)
        return transport

    def _offer(self, tls: ssl.SSLContext) -> None:
        if self._alpn is not None:
            tls.set_alpn_protocols(self._alpn)


async def _open_unix_socket(loop: Loop, path: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await loop.sock_connect(sock, path)
    except BaseException:
        sock.close()
        raise
    return sock
