"""Opening a connection, and making the transport of a connected socket."""

from __future__ import annotations

import functools
import socket
import sys
from asyncio import staggered
from asyncio.log import logger

from .addresses import interleave as interleave_families
from .dns import NameResolution
from .sockets import bind_error, is_by_address, reject_ssl_socket, require_stream
from .tls_arguments import Tls, check_server_name, check_timeouts

__all__ = ("Connections",)

_INTERNET_FAMILIES = (socket.AF_INET, socket.AF_INET6)


class Connections(NameResolution):
    """``create_connection`` and its parts."""

    __slots__ = ()  # See Loop.

    async def sock_connect(self, sock, address) -> None:
        """Connect a non-blocking socket.

        Arguments:
            sock: the socket; the caller keeps it.
            address: as for ``socket.connect()``. A host name is resolved
                without blocking the loop.

        Raises:
            OSError: the connection was refused, or the lookup failed.
            ValueError: in debug mode, the socket is blocking.
            TypeError: the socket is an ``ssl.SSLSocket``.

        Cancellation leaves the socket open; the kernel may still connect it.

        https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.sock_connect
        """
        reject_ssl_socket(sock)
        if self.get_debug() and sock.gettimeout() != 0:
            raise ValueError("the socket must be non-blocking")
        if sock.family in _INTERNET_FAMILIES:
            resolved = await self._ensure_resolved(
                address, family=sock.family, type=sock.type, proto=sock.proto
            )
            address = resolved[0][4]
        return await self._sock_connect(sock, address)

    async def create_connection(
        self,
        protocol_factory,
        host=None,
        port=None,
        *,
        ssl=None,
        family=0,
        proto=0,
        flags=0,
        sock=None,
        local_addr=None,
        server_hostname=None,
        ssl_handshake_timeout=None,
        ssl_shutdown_timeout=None,
        happy_eyeballs_delay=None,
        interleave=None,
        all_errors=False,
    ):
        """Open a stream connection.

        Arguments:
            protocol_factory: called without arguments, returns the protocol.
            host, port: the peer; the addresses of the host are tried one after
                the other.
            family, proto, flags: narrow the lookup, as in ``getaddrinfo()``.
            sock: a connected stream socket, instead of host and port; the
                transport owns it from then on.
            local_addr: ``(host, port)`` to bind the socket to first.
            happy_eyeballs_delay: seconds after which the next address is tried
                concurrently (RFC 8305); None tries one at a time.
            interleave: how many addresses of the first family come before one
                of another; 0 keeps the resolver's order. The default is 0, or
                1 with ``happy_eyeballs_delay``.
            all_errors: raise one ``ExceptionGroup`` with the failures of all
                addresses. Python 3.11's loop has no such argument; this one
                accepts it on every version.
            ssl: an ``ssl.SSLContext`` to encrypt the connection with; True for
                the default one.
            server_hostname: the name that the server's certificate must have;
                the default is the host, and "" asks for no name.
            ssl_handshake_timeout: seconds after which an unfinished handshake
                aborts the connection; 60 by default.
            ssl_shutdown_timeout: seconds after which an unfinished closing
                handshake aborts the connection; 30 by default.

        Returns:
            ``(transport, protocol)``, after ``connection_made()``.

        Raises:
            OSError: no address could be connected to.
            ssl.SSLError: the handshake failed (an ``OSError`` too).
            ValueError, TypeError: the arguments do not fit together.

        Cancellation closes what was opened.

        https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.create_connection
        """
        server_hostname = check_server_name(bool(ssl), server_hostname, host)
        check_timeouts(bool(ssl), ssl_handshake_timeout, ssl_shutdown_timeout)
        by_address = is_by_address(
            sock, host, port, "host and port was not specified and no sock specified"
        )
        plain = not (ssl or family or proto or flags or all_errors)
        if by_address and plain and local_addr is None and happy_eyeballs_delay is None:
            connecting = self._connect_directly(protocol_factory, host, port)
            if connecting is not None:
                return await connecting
        if by_address:
            resolve = functools.partial(self._resolve_stream, family, proto, flags)
            addrinfos = await resolve((host, port))
            local_addrinfos = None if local_addr is None else await resolve(local_addr)
            if interleave is None and happy_eyeballs_delay is not None:
                interleave = 1
            if interleave:
                addrinfos = interleave_families(addrinfos, interleave)
            sock = await self._connect_any(
                addrinfos, local_addrinfos, happy_eyeballs_delay, all_errors
            )

        tls = Tls.wanted(
            ssl,
            server_hostname=server_hostname,
            handshake_timeout=ssl_handshake_timeout,
            shutdown_timeout=ssl_shutdown_timeout,
        )
        transport, protocol = await self._open_transport(
            sock, protocol_factory, tls, ours=by_address
        )
        if self.get_debug():
            logger.debug(
                "%r connected to %s:%r: (%r, %r)",
                transport.get_extra_info("socket"),
                host,
                port,
                transport,
                protocol,
            )
        return transport, protocol

    async def connect_accepted_socket(
        self,
        protocol_factory,
        sock,
        *,
        ssl=None,
        ssl_handshake_timeout=None,
        ssl_shutdown_timeout=None,
    ):
        """Make a transport for a connection that other code has accepted.

        Arguments:
            protocol_factory: called without arguments, returns the protocol.
            sock: the connected stream socket; the transport owns it from then
                on.
            ssl, ssl_handshake_timeout, ssl_shutdown_timeout: as for
                ``create_connection()``.

        Returns:
            ``(transport, protocol)``, after ``connection_made()``.

        Raises:
            ValueError, TypeError: the arguments do not fit together.

        Cancellation closes the connection.
        """
        require_stream(sock)
        check_timeouts(bool(ssl), ssl_handshake_timeout, ssl_shutdown_timeout)
        reject_ssl_socket(sock)
        tls = Tls.wanted(
            ssl,
            server_side=True,
            server_hostname="",
            handshake_timeout=ssl_handshake_timeout,
            shutdown_timeout=ssl_shutdown_timeout,
        )
        transport, protocol = await self._open_transport(sock, protocol_factory, tls)
        if self.get_debug():
            logger.debug(
                "%r handled: (%r, %r)", transport.get_extra_info("socket"), transport, protocol
            )
        return transport, protocol

    async def _resolve_stream(self, family, proto, flags, address) -> list:
        addrinfos = await self._ensure_resolved(
            address, family=family, type=socket.SOCK_STREAM, proto=proto, flags=flags
        )
        if not addrinfos:
            raise OSError("getaddrinfo() returned empty list")
        return addrinfos

    async def _connect_any(self, addrinfos, local_addrinfos, delay, all_errors) -> socket.socket:
        """Return a socket connected to the first address that answers."""
        # One list for each address tried, so that the failures keep the order
        # of the addresses when attempts overlap.
        failures: list[list[OSError]] = []
        # The frames of a race live as long as its exceptions, so what it is given
        # must not hold these: a cell that can be emptied does not.
        attempts = (
            lambda addrinfo=addrinfo: self._connect_one(failures, addrinfo, local_addrinfos)
            for addrinfo in addrinfos
        )
        try:
            if delay is not None:
                # The third of the results are the exceptions once more.
                sock = (await staggered.staggered_race(attempts, delay, loop=self))[0]
                if sock is not None:
                    return sock
            else:
                for attempt in attempts:
                    try:
                        return await attempt()
                    except OSError:
                        continue
            errors = [error for of_address in failures for error in of_address]
            raise _connection_failure(errors, all_errors)
        finally:
            # The traceback of an exception refers to this frame, and each of these
            # refers to the exception: break the cycles.
            failures = attempts = attempt = errors = None

    async def _connect_one(self, failures, addrinfo, local_addrinfos) -> socket.socket:
        errors: list[OSError] = []
        failures.append(errors)
        family, type_, proto, _, address = addrinfo
        sock = None
        try:
            sock = socket.socket(family, type_, proto)
            sock.setblocking(False)
            if local_addrinfos is not None:
                _bind_locally(sock, local_addrinfos, errors)
            await self.sock_connect(sock, address)
            return sock
        except BaseException as exc:
            if sock is not None:
                sock.close()
            if isinstance(exc, OSError):
                errors.append(exc)
            raise
        finally:
            # The traceback of an exception refers to this frame: break the cycle.
            del errors, failures

    async def _open_transport(self, sock, protocol_factory, tls: Tls | None, *, ours=False):
        """Make the protocol and the transport of a connected socket.

        ``ours``: the loop has made the socket, and closes it after a failure.
        """
        try:
            sock.setblocking(False)
            protocol = protocol_factory()
            connected = self.create_future()
            transport = self._make_transport(sock, protocol, connected, tls)
        except BaseException:
            # Since Python 3.14 the caller's socket is closed too.
            if ours or sys.version_info >= (3, 14):
                sock.close()
            raise
        try:
            await connected
        except BaseException:
            transport.close()
            connected = None  # It refers to the exception, whose traceback refers to this frame.
            raise
        return transport, protocol

    def _make_transport(self, sock, protocol, connected, tls: Tls | None):
        if tls is None:
            return self._make_socket_transport(sock, protocol, connected)
        return self._make_ssl_transport(
            sock,
            protocol,
            tls.context,
            connected,
            server_side=tls.server_side,
            server_hostname=tls.server_hostname,
            ssl_handshake_timeout=tls.handshake_timeout,
            ssl_shutdown_timeout=tls.shutdown_timeout,
        )


def _bind_locally(sock: socket.socket, local_addrinfos, errors: list[OSError]) -> None:
    """Bind ``sock`` to the first local address of its family that is free.

    Failures before the last one are added to ``errors``; the last one is
    raised if no address is left.
    """
    failed = []
    for family, _, _, _, address in local_addrinfos:
        if family != sock.family:
            continue
        try:
            sock.bind(address)
        except OSError as exc:
            failed.append(bind_error(exc, address))
        else:
            errors.extend(failed)
            return
    if not failed:
        raise OSError(f"no matching local address with family={sock.family!r} found")
    errors.extend(failed[:-1])
    raise failed[-1]


def _connection_failure(errors: list[OSError], all_errors: bool) -> Exception:
    """Return the exception that stands for the failures of all addresses."""
    if not errors:
        # Only with happy eyeballs: no attempt failed with an OSError.
        return TimeoutError("create_connection failed")
    if all_errors:
        return ExceptionGroup("create_connection failed", errors)
    texts = [str(error) for error in errors]
    if len(set(texts)) == 1:
        return errors[0]
    return OSError(f"Multiple exceptions: {', '.join(texts)}")
