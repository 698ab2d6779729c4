"""Creating a server's listening sockets."""

from __future__ import annotations

import errno
import functools
import os
import socket
import sys
from asyncio import tasks
from asyncio.log import logger
from collections.abc import Iterable

from ..server import Server
from .dns import NameResolution
from .sockets import bind_error, is_by_address, set_reuse_port
from .tls_arguments import check_timeouts

__all__ = ("Listening",)


class Listening(NameResolution):
    """``create_server`` and its parts."""

    __slots__ = ()  # See Loop.

    async def create_server(
        self,
        protocol_factory,
        host=None,
        port=None,
        *,
        family=socket.AF_UNSPEC,
        flags=socket.AI_PASSIVE,
        sock=None,
        backlog=100,
        ssl=None,
        reuse_address=None,
        reuse_port=None,
        keep_alive=None,
        ssl_handshake_timeout=None,
        ssl_shutdown_timeout=None,
        start_serving=True,
    ) -> Server:
        """Listen for stream connections.

        Arguments:
            protocol_factory: called without arguments for each connection,
                returns its protocol.
            host: a host, several of them, or None or "" for every interface.
                Each address of each host is bound once.
            port: the port; with 0 or None the system chooses one for each
                address.
            family, flags: narrow the lookup, as in ``getaddrinfo()``.
            sock: a bound stream socket, instead of host and port; the server
                owns it from then on.
            backlog: how many connections the system queues, as in
                ``socket.listen()``.
            reuse_address: set SO_REUSEADDR; true by default.
            reuse_port: set SO_REUSEPORT.
            keep_alive: set SO_KEEPALIVE on the listening sockets. Before
                Python 3.13 asyncio has no such argument; this loop accepts it on
                every version.
            start_serving: accept connections at once; otherwise wait for
                ``Server.start_serving()``.
            ssl: an ``ssl.SSLContext`` to encrypt the connections with.
            ssl_handshake_timeout: seconds after which an unfinished handshake
                aborts its connection; 60 by default.
            ssl_shutdown_timeout: seconds after which an unfinished closing
                handshake aborts its connection; 30 by default.

        Returns:
            The ``Server``.

        Raises:
            OSError: an address cannot be bound or resolved.
            ValueError, TypeError: the arguments do not fit together.

        Cancellation during the lookup opens nothing.

        https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.create_server
        """
        if isinstance(ssl, bool):
            raise TypeError("ssl argument must be an SSLContext or None")
        check_timeouts(ssl is not None, ssl_handshake_timeout, ssl_shutdown_timeout)
        by_address = is_by_address(sock, host, port, "Neither host/port nor sock were specified")

        if by_address:
            if reuse_address is None:
                reuse_address = os.name == "posix" and sys.platform != "cygwin"
            addrinfos = await self._resolve_hosts(host, port, family, flags)
            sockets = self._bind_all(
                addrinfos, functools.partial(_configure, reuse_address, reuse_port, keep_alive)
            )
        else:
            sockets = [sock]
        for sock in sockets:
            sock.setblocking(False)

        tls = (ssl, ssl_handshake_timeout, ssl_shutdown_timeout) if ssl else None
        server = Server(self, sockets, protocol_factory, backlog, tls)
        if start_serving:
            await server.start_serving()
        if self.get_debug():
            logger.info("%r is serving", server)
        return server

    async def _resolve_hosts(self, host, port, family, flags) -> list:
        """Return the addresses of one or several hosts, without duplicates."""
        if host == "":
            hosts: Iterable = [None]
        elif isinstance(host, str) or not isinstance(host, Iterable):
            hosts = [host]
        else:
            hosts = host
        answers = await tasks.gather(
            *[self._resolve_for_listening(name, port, family, flags) for name in hosts]
        )
        return list(dict.fromkeys(addrinfo for answer in answers for addrinfo in answer))

    async def _resolve_for_listening(self, host, port, family, flags) -> list:
        addrinfos = await self._ensure_resolved(
            (host, port), family=family, type=socket.SOCK_STREAM, flags=flags
        )
        if not addrinfos:
            raise OSError(f"getaddrinfo({host!r}) returned empty list")
        return addrinfos

    def _bind_all(self, addrinfos, configure) -> list[socket.socket]:
        """Return a bound socket for each address that can be bound.

        ``configure(socket)`` is called before each is bound.
        """
        sockets: list[socket.socket] = []
        try:
            for addrinfo in addrinfos:
                sock = self._new_listener(*addrinfo[:3])
                if sock is None:
                    continue
                sockets.append(sock)
                configure(sock)
                if not self._bind(sock, addrinfo[4]):
                    sockets.pop().close()
            if not sockets:
                tried = [addrinfo[4] for addrinfo in addrinfos]
                raise OSError(f"could not bind on any address out of {tried!r}")
        except BaseException:
            for sock in sockets:
                sock.close()
            raise
        return sockets

    def _new_listener(self, family, type_, proto) -> socket.socket | None:
        try:
            return socket.socket(family, type_, proto)
        except OSError:
            # The resolver may return families that the kernel does not support.
            if self.get_debug():
                logger.warning(
                    "create_server() failed to create socket.socket(%r, %r, %r)",
                    family,
                    type_,
                    proto,
                    exc_info=True,
                )
            return None

    def _bind(self, sock: socket.socket, address) -> bool:
        """Bind ``sock``; return False if the address is skipped."""
        try:
            sock.bind(address)
        except OSError as exc:
            named = bind_error(exc, address)
            # From Python 3.13 on, an address that no interface has is skipped,
            # for example if IPv6 is switched off.
            if sys.version_info < (3, 13) or exc.errno != errno.EADDRNOTAVAIL:
                raise named from None
            if self.get_debug():
                logger.warning(named.strerror)
            return False
        return True


def _configure(reuse_address, reuse_port, keep_alive, sock: socket.socket) -> None:
    if reuse_address:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, True)
    if reuse_port:
        set_reuse_port(sock)
    if keep_alive:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, True)
    if sys.platform == "linux":
        # On Linux, connections inherit it from their listening socket, which saves
        # a system call for each.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
    if sock.family == socket.AF_INET6:
        # Otherwise the socket accepts IPv4 as well, and the port of the socket for
        # the IPv4 address is in use.
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, True)
