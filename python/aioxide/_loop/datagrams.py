"""Opening a datagram endpoint."""

from __future__ import annotations

import os
import socket
import stat
import sys
from asyncio.log import logger

from .dns import NameResolution
from .sockets import set_reuse_port

__all__ = ("Datagrams",)


class Datagrams(NameResolution):
    """``create_datagram_endpoint`` and its parts."""

    __slots__ = ()  # See Loop.

    async def create_datagram_endpoint(
        self,
        protocol_factory,
        local_addr=None,
        remote_addr=None,
        *,
        family=0,
        proto=0,
        flags=0,
        reuse_port=None,
        allow_broadcast=None,
        sock=None,
    ):
        """Open a datagram endpoint.

        Arguments:
            protocol_factory: called without arguments, returns the protocol.
            local_addr: ``(host, port)`` to bind to, or a path with
                ``family=AF_UNIX``; a socket that is already at the path is
                removed.
            remote_addr: the only address to exchange datagrams with.
            family, proto, flags: narrow the lookup, as in ``getaddrinfo()``.
                Without addresses, ``family`` is the family of the socket.
            reuse_port: set SO_REUSEPORT.
            allow_broadcast: set SO_BROADCAST. The socket is not connected
                then, even with ``remote_addr``.
            sock: a datagram socket, instead of all of these; the transport
                owns it from then on.

        Returns:
            ``(transport, protocol)``, after ``connection_made()``.

        Raises:
            OSError: no address could be bound and connected to; this is the
                failure of the first one.
            ValueError, TypeError: the arguments do not fit together.

        Cancellation closes what was opened.

        https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.create_datagram_endpoint
        """
        remote_address = None
        if sock is not None:
            _require_datagram(sock)
            modifiers = {
                "local_addr": local_addr,
                "remote_addr": remote_addr,
                "family": family,
                "proto": proto,
                "flags": flags,
                "reuse_port": reuse_port,
                "allow_broadcast": allow_broadcast,
            }
            _refuse_modifiers(modifiers)
            sock.setblocking(False)
            ours = None
        else:
            candidates = await self._datagram_candidates(
                local_addr, remote_addr, family, proto, flags
            )
            sock, remote_address = await self._open_datagram_socket(
                candidates, reuse_port, allow_broadcast
            )
            ours = sock

        try:
            protocol = protocol_factory()
            opened = self.create_future()
            transport = self._make_datagram_transport(sock, protocol, remote_address, opened)
        except BaseException:
            if ours is not None:
                ours.close()
            raise
        if self.get_debug():
            _log_endpoint(local_addr, remote_addr, transport, protocol)
        try:
            await opened
        except BaseException:
            transport.close()
            raise
        return transport, protocol

    async def _datagram_candidates(self, local_addr, remote_addr, family, proto, flags) -> list:
        """Return the candidates in order: ``(family, proto, local, remote)``.

        ``local`` and ``remote`` are socket addresses, or None for none.
        """
        if not (local_addr or remote_addr):
            if family == 0:
                raise ValueError("unexpected address family")
            return [(family, proto, None, None)]
        if hasattr(socket, "AF_UNIX") and family == socket.AF_UNIX:
            for address in (local_addr, remote_addr):
                if address is not None and not isinstance(address, str):
                    raise TypeError("string is expected")
            if local_addr:
                _remove_stale_socket(local_addr)
            return [(family, proto, local_addr or None, remote_addr or None)]

        # By kind of socket, in the resolver's order.
        by_kind: dict[tuple[int, int], list] = {}
        for index, address in enumerate((local_addr, remote_addr)):
            if address is None:
                continue
            if not (isinstance(address, tuple) and len(address) == 2):
                raise TypeError("2-tuple is expected")
            addrinfos = await self._ensure_resolved(
                address, family=family, type=socket.SOCK_DGRAM, proto=proto, flags=flags
            )
            if not addrinfos:
                raise OSError("getaddrinfo() returned empty list")
            for family_, _, proto_, _, socket_address in addrinfos:
                by_kind.setdefault((family_, proto_), [None, None])[index] = socket_address
        candidates = [
            (*kind, local, remote)
            for kind, (local, remote) in by_kind.items()
            if not (local_addr and local is None) and not (remote_addr and remote is None)
        ]
        if not candidates:
            raise ValueError("can not get address information")
        return candidates

    async def _open_datagram_socket(self, candidates, reuse_port, allow_broadcast):
        """Return ``(socket, remote address)`` for the first one that works."""
        failures: list[OSError] = []
        try:
            for family, proto, local, remote in candidates:
                sock = None
                try:
                    sock = socket.socket(family=family, type=socket.SOCK_DGRAM, proto=proto)
                    if reuse_port:
                        set_reuse_port(sock)
                    if allow_broadcast:
                        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                    sock.setblocking(False)
                    if local is not None:
                        sock.bind(local)
                    # A connected socket would not receive the answer to a
                    # broadcast, which has another source address.
                    if remote is not None and not allow_broadcast:
                        await self.sock_connect(sock, remote)
                except BaseException as exc:
                    if sock is not None:
                        sock.close()
                    if not isinstance(exc, OSError):
                        raise
                    failures.append(exc)
                else:
                    return sock, remote
            raise failures[0]
        finally:
            # The traceback of an exception refers to this frame: break the cycle.
            del failures


def _require_datagram(sock) -> None:
    # Python 3.13 accepts every type but streams.
    if sys.version_info >= (3, 13):
        if sock.type == socket.SOCK_STREAM:
            raise ValueError(f"A datagram socket was expected, got {sock!r}")
    elif sock.type != socket.SOCK_DGRAM:
        raise ValueError(f"A UDP Socket was expected, got {sock!r}")


def _refuse_modifiers(modifiers: dict[str, object]) -> None:
    """Raise ``ValueError`` if an argument was given that an existing socket cannot take."""
    given = ", ".join(f"{name}={value}" for name, value in modifiers.items() if value)
    if given:
        raise ValueError(
            f"socket modifier keyword arguments can not be used when sock is specified. ({given})"
        )


def _remove_stale_socket(path: str) -> None:
    """Remove the socket of an earlier process at ``path``."""
    if path[0] in (0, "\0"):  # an abstract name
        return
    try:
        if stat.S_ISSOCK(os.stat(path).st_mode):
            os.remove(path)
    except FileNotFoundError:
        pass
    except OSError as exc:
        # Binding may still succeed; if it does not, its error is clearer.
        logger.error("Unable to check or remove stale UNIX socket %r: %r", path, exc)


def _log_endpoint(local_addr, remote_addr, transport, protocol) -> None:
    if local_addr:
        logger.info(
            "Datagram endpoint local_addr=%r remote_addr=%r created: (%r, %r)",
            local_addr,
            remote_addr,
            transport,
            protocol,
        )
    else:
        logger.debug(
            "Datagram endpoint remote_addr=%r created: (%r, %r)", remote_addr, transport, protocol
        )
