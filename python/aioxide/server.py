"""A server: its listening sockets, its clients, and its end."""

from __future__ import annotations

import asyncio
import sys
from asyncio import tasks, trsock
from weakref import WeakSet

from ._aioxide import ServerCore
from ._patch_releases import SERVE_FOREVER_CLOSES_CLIENTS

__all__ = ("Server",)


class Server(ServerCore, asyncio.AbstractServer):
    """A server that listens on sockets; ``loop.create_server()`` returns it.

    The native half accepts connections and keeps the list of clients. ``async
    with server`` closes it at the end and waits until it is closed.

    https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.Server
    """

    def __init__(self, loop, sockets, protocol_factory, backlog, tls=None) -> None:
        super().__init__()
        self._loop = loop
        self._protocol_factory = protocol_factory
        self._backlog = backlog
        self._ssl_context, self._ssl_handshake_timeout, self._ssl_shutdown_timeout = (
            (None, None, None) if tls is None else tls
        )
        # Connections that other code has attached: the objects from Python 3.13 on,
        # before that only their number.
        self._attached: WeakSet = WeakSet()
        self._attached_count = 0
        self._sockets = sockets  # None once closed
        # The file to remove when the server is closed: a SocketFile or None.
        self._socket_file = None
        self._serving = False
        self._serving_forever_fut = None
        # The futures of wait_closed(); None once they are done.
        self._waiters: list | None = []

    def __repr__(self) -> str:
        return f"<{self.__class__.__name__} sockets={self.sockets!r}>"

    @property
    def sockets(self) -> tuple[trsock.TransportSocket, ...]:
        """The listening sockets; empty once the server is closed."""
        if self._sockets is None:
            return ()
        return tuple(trsock.TransportSocket(sock) for sock in self._sockets)

    def get_loop(self):
        """Return the loop that the server belongs to."""
        return self._loop

    def is_serving(self) -> bool:
        """Return whether the server accepts connections."""
        return self._serving

    async def start_serving(self) -> None:
        """Start to accept connections. Does nothing if the server already does.

        Raises:
            RuntimeError: the server is closed.
            OSError: the system does not let a socket listen.
        """
        self._start_serving()
        # One iteration later the sockets are watched, so the caller can connect.
        await tasks.sleep(0)

    async def serve_forever(self) -> None:
        """Accept connections until cancelled.

        Cancellation closes the server, and from Python 3.14 on its connections
        too, and waits as ``wait_closed()`` does. ``close()`` also ends this
        method, with ``CancelledError``.

        Raises:
            RuntimeError: the server is closed, or another call of this method
                has not ended.
            asyncio.CancelledError: at the end.
        """
        if self._serving_forever_fut is not None:
            raise RuntimeError(f"server {self!r} is already being awaited on serve_forever()")
        self._start_serving()
        self._serving_forever_fut = self._loop.create_future()
        try:
            await self._serving_forever_fut
        except asyncio.CancelledError:
            try:
                self.close()
                if SERVE_FOREVER_CLOSES_CLIENTS:
                    self.close_clients()
                await self.wait_closed()
            finally:
                # The cancellation is raised, whatever the outcome of closing is.
                raise
        finally:
            self._serving_forever_fut = None

    def close(self) -> None:
        """Stop listening. Existing connections stay open.

        Closing a closed server does nothing.
        """
        if self._sockets is None:
            return
        self._sockets = None
        self._serving = False
        self._stop_accepting()
        if self._socket_file is not None:
            self._socket_file._stop_serving()
        forever = self._serving_forever_fut
        if forever is not None and not forever.done():
            forever.cancel()
            self._serving_forever_fut = None
        if self._active_count == 0:
            self._wake_waiters()

    def close_clients(self) -> None:
        """Close every connection once its buffered data is sent.

        asyncio has this method from Python 3.13 on; this class always has it.
        """
        for transport in self._clients:
            transport.close()

    def abort_clients(self) -> None:
        """Close every connection at once; buffered data is lost.

        asyncio has this method from Python 3.13 on; this class always has it.
        """
        for transport in self._clients:
            transport.abort()

    async def wait_closed(self) -> None:
        """Wait until the server is closed and its last connection has ended.

        On Python 3.11 it returns at once if the server is closed, even while
        connections exist, as in asyncio.

        Cancellation ends only the wait.
        """
        if self._waiters is None:
            return
        if sys.version_info < (3, 12) and self._sockets is None:
            return
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        await waiter

    def _start_serving(self) -> None:
        if self._serving:
            return
        if self._sockets is None:
            raise RuntimeError(f"server {self!r} is closed")
        self._start_accepting()
        self._serving = True

    @property
    def _clients(self) -> WeakSet:
        """The connections that are not lost."""
        return WeakSet([*self._client_list(), *self._attached])

    @property
    def _active_count(self) -> int:
        """How many connections are not lost."""
        return self._client_count + len(self._attached) + self._attached_count

    if sys.version_info >= (3, 13):

        def _attach(self, transport) -> None:
            """Count a transport that other code has made for this server."""
            assert self._sockets is not None
            self._attached.add(transport)

        def _detach(self, transport) -> None:
            """Stop counting such a transport."""
            self._attached.discard(transport)
            self._clients_gone()

    else:

        def _attach(self) -> None:
            """Count a transport that other code has made for this server."""
            assert self._sockets is not None
            self._attached_count += 1

        def _detach(self) -> None:
            """Stop counting such a transport."""
            assert self._active_count > 0
            self._attached_count -= 1
            self._clients_gone()

    def _clients_gone(self) -> None:
        """Called by the native half when its last client has left."""
        if self._active_count == 0 and self._sockets is None:
            self._wake_waiters()

    def _wake_waiters(self) -> None:
        waiters, self._waiters = self._waiters, None
        for waiter in waiters or ():
            if not waiter.done():
                waiter.set_result(None)
