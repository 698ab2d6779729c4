"""From an origin to a transport whose protocol is the pool's."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any

from .._loop.addresses import interleave
from .._loop.tls_arguments import Tls
from ..loop import Loop
from ._conversations import Conversation
from ._errors import ProxyUnreachable
from ._origins import Origin, Proxy
from ._resolving import Resolver
from ._tls_offers import OnlyHttp1
from ._tls_sessions import Sessions

if TYPE_CHECKING:
    import ssl

__all__ = ("Connector", "Observer")


class Observer:
    """Is told of each step of connecting, before and after it. This one does nothing.

    The steps, with what is known of them:

    - "resolve": host, port; the result is a list of ``getaddrinfo()`` entries. It is a part of
      "connect_tcp".
    - "connect_tcp": host, port, local_address, socket_options; a socket.
    - "connect_unix_socket": path, socket_options; a socket.
    - "ask_proxy": proxy, host, port; None.
    - "start_tls": ssl_context, server_hostname; a transport.
    """

    async def began(self, step: str, info: dict[str, Any]) -> None:
        """The step begins."""

    async def ended(self, step: str, result: Any) -> None:
        """The step has ended."""

    async def failed(self, step: str, error: BaseException) -> None:
        """The step has failed, or was cancelled."""


async def _observed(
    observer: Observer | None,
    step: str,
    info: dict[str, Any],
    work: Callable[[], Awaitable[Any]],
    undo: Callable[[Any], object] | None = None,
) -> Any:
    """Do one step and tell the observer. If that raises, what the step has opened is undone."""
    if observer is None:
        return await work()
    await observer.began(step, info)
    try:
        result = await work()
    except BaseException as error:
        await observer.failed(step, error)
        raise
    try:
        await observer.ended(step, result)
    except BaseException:
        if undo is not None:
            undo(result)
        raise
    return result


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
        self._sessions = Sessions()
        self.resolver = Resolver() if resolver is None else resolver
        self.family = family
        self.local_address = local_address
        self.happy_eyeballs_delay = happy_eyeballs_delay
        self.interleave = interleave
        self.socket_options = tuple(socket_options or ())
        self._alpn = None if alpn is None else list(alpn)
        self.tls_timeouts = (handshake_timeout, shutdown_timeout)

    def offer(self, tls: ssl.SSLContext, to_proxy: bool = False) -> None:
        """Set the protocols that are offered on a context. A proxy is spoken to in HTTP/1.1."""
        if self._alpn is not None:
            tls.set_alpn_protocols(["http/1.1"] if to_proxy else self._alpn)

    async def connect(
        self,
        origin: Origin,
        protocol: asyncio.Protocol,
        observer: Observer | None = None,
        only_http1: bool = False,
    ) -> asyncio.Transport:
        """Connect to ``origin``; afterwards ``protocol`` has its transport.

        Arguments:
            only_http1: offer HTTP/1.1 alone, whatever ``alpn`` has.

        Returns:
            The transport.

        Raises:
            OSError: the lookup failed, no address answered, or TLS failed (``ssl.SSLError``).
            ProxyUnreachable: no connection to the proxy.
            ProxyError: the proxy refuses.

        Cancellation, and each failure, closes what was opened.
        """
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Loop)
        if only_http1 and origin.tls is not None:
            origin = origin._replace(tls=OnlyHttp1(origin.tls, self._alpn or ()))
        attempt = _Attempt(self, loop, observer)
        proxy = origin.proxy
        if proxy is None:
            plain = origin.tls is None and origin.unix_path is None and observer is None
            if plain and self.local_address is None and not self.socket_options:
                transport = await attempt.connect_directly(origin, protocol)
                if transport is not None:
                    return transport
            sock = await attempt.open_socket(origin.host, origin.port, origin.unix_path)
            name = origin.server_hostname or origin.host
            resuming = self._sessions.resuming(origin)
            transport = await attempt.open_transport(sock, protocol, origin.tls, name, resuming)
            self._sessions.keep(origin, transport)
            return transport
        if origin.is_forwarded:
            return await attempt.reach(proxy, protocol)
        return await attempt.go_through(proxy, origin, protocol)


class _Attempt:
    """One connection on its way."""

    def __init__(self, connector: Connector, loop: Loop, observer: Observer | None) -> None:
        self._connector = connector
        self._loop = loop
        self._observer = observer
        #: The addresses, once they are known.
        self._entries: list[Any] | None = None

    async def connect_directly(
        self, origin: Origin, protocol: asyncio.Protocol
    ) -> asyncio.Transport | None:
        """Connect without a socket object; None if that is not possible."""
        self._entries = await self._resolve(origin.host, origin.port)
        if len(self._entries) != 1:
            return None
        host, port, *rest = self._entries[0][4]
        if any(rest):
            return None
        connecting = self._loop._connect_directly(lambda: protocol, host, port)
        if connecting is None:
            return None
        transport, _ = await connecting
        return transport  # type: ignore[no-any-return]

    async def go_through(
        self, proxy: Proxy, origin: Origin, protocol: asyncio.Protocol
    ) -> asyncio.Transport:
        """Connect through a proxy that passes bytes on."""
        conversation = Conversation()
        transport = await self.reach(proxy, conversation)
        try:
            await _observed(
                self._observer,
                "ask_proxy",
                {"proxy": proxy, "host": origin.host, "port": origin.port},
                lambda: conversation.ask(proxy, origin.host, origin.port),
            )
            if origin.tls is None:
                transport.set_protocol(protocol)
            else:
                name = origin.server_hostname or origin.host
                transport = await self._start_tls(transport, protocol, origin.tls, name)
            protocol.connection_made(transport)
            return transport
        except BaseException:
            transport.abort()
            raise

    async def reach(self, proxy: Proxy, protocol: asyncio.Protocol) -> asyncio.Transport:
        """Connect to the proxy itself."""
        try:
            sock = await self.open_socket(proxy.host, proxy.port)
            return await self.open_transport(sock, protocol, proxy.tls, proxy.host, to_proxy=True)
        except OSError as error:
            raise ProxyUnreachable(error) from error

    async def open_socket(self, host: str, port: int, unix_path: str | None = None) -> Any:
        """Return a connected socket."""
        options = self._connector.socket_options
        if unix_path is not None:
            return await _observed(
                self._observer,
                "connect_unix_socket",
                {"path": unix_path, "socket_options": options},
                lambda: self._open_unix_socket(unix_path),
                _close,
            )
        local = self._connector.local_address
        info = {"host": host, "port": port, "local_address": local, "socket_options": options}
        return await _observed(
            self._observer,
            "connect_tcp",
            info,
            lambda: self._open_tcp_socket(host, port),
            _close,
        )

    async def open_transport(
        self,
        sock: socket.socket,
        protocol: asyncio.Protocol,
        context: ssl.SSLContext | None,
        name: str,
        resuming: Any = None,
        to_proxy: bool = False,
    ) -> asyncio.Transport:
        """Give a connected socket its transport; with a context, after the handshake.

        ``resuming``: stands for the context, to continue a session.
        """
        if context is None:
            return await self._make_transport(sock, protocol, None)
        try:
            tls = Tls(resuming or context, False, name, *self._connector.tls_timeouts)
            self._connector.offer(context, to_proxy)
        except BaseException:
            sock.close()
            raise
        return await _observed(
            self._observer,
            "start_tls",
            {"ssl_context": context, "server_hostname": name},
            lambda: self._make_transport(sock, protocol, tls),
            _abort,
        )

    async def _make_transport(
        self, sock: socket.socket, protocol: asyncio.Protocol, tls: Tls | None
    ) -> Any:
        transport, _ = await self._loop._open_transport(sock, lambda: protocol, tls, ours=True)
        return transport

    async def _start_tls(
        self,
        below: asyncio.Transport,
        protocol: asyncio.Protocol,
        context: ssl.SSLContext,
        name: str,
    ) -> asyncio.Transport:
        self._connector.offer(context)
        handshake, shutdown = self._connector.tls_timeouts

        async def start() -> Any:
            transport = await self._loop.start_tls(
                below,
                protocol,
                context,
                server_hostname=name,
                ssl_handshake_timeout=handshake,
                ssl_shutdown_timeout=shutdown,
            )
            if transport is None:
                raise ConnectionResetError("the connection was lost during the TLS handshake")
            return transport

        info = {"ssl_context": context, "server_hostname": name}
        return await _observed(self._observer, "start_tls", info, start)

    async def _resolve(self, host: str, port: int) -> list[Any]:
        connector = self._connector
        return await _observed(
            self._observer,
            "resolve",
            {"host": host, "port": port},
            lambda: connector.resolver.resolve(host, port, connector.family),
        )

    async def _open_tcp_socket(self, host: str, port: int) -> socket.socket:
        connector = self._connector
        entries = self._entries
        if entries is None:
            entries = await self._resolve(host, port)
        local = connector.local_address
        local_entries = None if local is None else await connector.resolver.resolve(*local)
        if connector.interleave:
            entries = interleave(entries, connector.interleave)
        # A race of one would be three tasks for nothing.
        delay = connector.happy_eyeballs_delay if len(entries) > 1 else None
        sock = await self._loop._connect_any(entries, local_entries, delay, False)
        return self._with_options(sock)

    async def _open_unix_socket(self, path: str) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            await self._loop.sock_connect(sock, path)
        except BaseException:
            sock.close()
            raise
        return self._with_options(sock)

    def _with_options(self, sock: socket.socket) -> socket.socket:
        try:
            for option in self._connector.socket_options:
                sock.setsockopt(*option)
        except BaseException:
            sock.close()
            raise
        return sock


def _close(sock: socket.socket) -> None:
    sock.close()


def _abort(transport: asyncio.Transport) -> None:
    transport.abort()
