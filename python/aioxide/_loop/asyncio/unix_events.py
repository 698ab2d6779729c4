"""Stream connections and servers over Unix sockets."""

from __future__ import annotations

import errno
import os
import socket
import sys
from asyncio.log import logger

from ...server import Server
from ..connections import Connections
from ..listening import Listening
from ..socket_files import is_abstract, remove_stale
from ..sockets import require_unix_stream
from ..tls_arguments import Tls, check_server_name, check_timeouts

__all__ = ("UnixSockets",)

# asyncio removes the file of a server's socket from Python 3.13 on.
_CLEANS_UP = sys.version_info >= (3, 13)


class UnixSockets(Connections, Listening):
    """``create_unix_connection`` and ``create_unix_server``."""

    __slots__ = ()  # See Loop.

    async def create_unix_connection(
        self,
        protocol_factory,
        path=None,
        *,
        ssl=None,
        sock=None,
        server_hostname=None,
        ssl_handshake_timeout=None,
        ssl_shutdown_timeout=None,
    ):
        """Open a stream connection to a Unix socket.

        Arguments:
            protocol_factory: called without arguments, returns the protocol.
            path: the path of the socket, a str, bytes or path object; on Linux, a
                name that begins with a zero byte is in the abstract namespace.
            sock: a connected Unix stream socket, instead of a path; the
                transport owns it from then on.
            ssl, server_hostname, ssl_handshake_timeout, ssl_shutdown_timeout:
                as for ``create_connection()``, except that TLS needs a name.

        Returns:
            ``(transport, protocol)``, after ``connection_made()``.

        Raises:
            ssl.SSLError: the handshake failed (an ``OSError`` too).
            OSError: no server listens there, or the path is too long. If the
                server's queue is full, this loop raises ``BlockingIOError``,
                where asyncio treats the socket as connected.
            ValueError, TypeError: the arguments do not fit together.

        Cancellation closes what was opened.

        https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.create_unix_connection
        """
        if ssl and server_hostname is None:
            raise ValueError("you have to pass server_hostname when using ssl")
        check_server_name(bool(ssl), server_hostname, None)
        check_timeouts(bool(ssl), ssl_handshake_timeout, ssl_shutdown_timeout)
        _require_one(path, sock, "no path and sock were specified")

        if path is None:
            require_unix_stream(sock)
        else:
            path = os.fspath(path)
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                sock.setblocking(False)
                await self.sock_connect(sock, path)
            except BaseException:
                sock.close()
                raise
        tls = Tls.wanted(
            ssl,
            server_hostname=server_hostname,
            handshake_timeout=ssl_handshake_timeout,
            shutdown_timeout=ssl_shutdown_timeout,
        )
        return await self._open_transport(sock, protocol_factory, tls, ours=path is not None)

    async def create_unix_server(
        self,
        protocol_factory,
        path=None,
        *,
        sock=None,
        backlog=100,
        ssl=None,
        ssl_handshake_timeout=None,
        ssl_shutdown_timeout=None,
        start_serving=True,
        cleanup_socket=_CLEANS_UP,
    ) -> Server:
        """Listen for stream connections on a Unix socket.

        Arguments:
            protocol_factory: called without arguments for each connection,
                returns its protocol.
            path: the path of the new socket, as for ``create_unix_connection()``.
                A socket that is already there is removed.
            sock: a bound Unix stream socket, instead of a path; the server
                owns it from then on.
            backlog: how many connections the system queues, as in
                ``socket.listen()``.
            start_serving: accept connections at once; otherwise wait for
                ``Server.start_serving()``.
            cleanup_socket: remove the socket's file when the server is closed,
                unless another has taken its place. Before Python 3.13 asyncio
                has no such argument; this loop takes it on every version, and
                does not clean up there unless told to.
            ssl, ssl_handshake_timeout, ssl_shutdown_timeout: as for
                ``create_server()``.

        Raises:
            OSError: the path cannot be bound: a file that is not a socket is
                there, it is too long, or its directory does not exist.
            ValueError, TypeError: the arguments do not fit together.

        https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.create_unix_server
        """
        if isinstance(ssl, bool):
            raise TypeError("ssl argument must be an SSLContext or None")
        check_timeouts(bool(ssl), ssl_handshake_timeout, ssl_shutdown_timeout)
        _require_one(path, sock, "path was not specified, and no sock specified")
        if path is None:
            require_unix_stream(sock)
            file = SocketFile.of(sock) if cleanup_socket else None
        else:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                _bind(sock, os.fspath(path))
                file = SocketFile.of(sock) if cleanup_socket else None
            except BaseException:
                sock.close()
                raise
        sock.setblocking(False)
        tls = (ssl, ssl_handshake_timeout, ssl_shutdown_timeout) if ssl else None
        server = Server(self, [sock], protocol_factory, backlog, tls)
        server._socket_file = file
        if start_serving:
            await server.start_serving()
        return server


class SocketFile:
    """The file of a bound socket, recognised by its inode."""

    __slots__ = ("_inode", "_path")

    def __init__(self, path: str | bytes, inode: int) -> None:
        self._path = path
        self._inode = inode

    @classmethod
    def of(cls, sock) -> SocketFile | None:
        """Return the file of ``sock``; None if its name is abstract or the file is gone."""
        path = sock.getsockname()
        if is_abstract(path):
            return None
        try:
            return cls(path, os.stat(path).st_ino)
        except FileNotFoundError:
            return None

    def _stop_serving(self) -> None:
        """Remove the file, unless another one has taken its place.

        A failure is logged.
        """
        try:
            if os.stat(self._path).st_ino == self._inode:
                os.unlink(self._path)
        except FileNotFoundError:
            pass
        except OSError as exc:
            logger.error("Unable to clean up listening UNIX socket %r: %r", self._path, exc)


def _require_one(path, sock, complaint: str) -> None:
    """Raise ``ValueError`` unless one of path and socket is given."""
    if path is not None and sock is not None:
        raise ValueError("path and sock can not be specified at the same time")
    if path is None and sock is None:
        raise ValueError(complaint)


def _bind(sock: socket.socket, path: str | bytes) -> None:
    if not is_abstract(path):
        remove_stale(path)
    try:
        sock.bind(path)
    except OSError as exc:
        if exc.errno == errno.EADDRINUSE:
            raise OSError(errno.EADDRINUSE, f"Address {path!r} is already in use") from None
        raise
