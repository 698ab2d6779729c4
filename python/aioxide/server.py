"""A server: its listening sockets, its clients, and when it is over."""

from __future__ import annotations

import asyncio
import sys
from asyncio import tasks, trsock
from weakref import WeakSet

from ._aioxide import ServerCore

__all__ = ("Server",)


class Server(ServerCore, asyncio.AbstractServer):
    """What ``loop.create_server()`` returns.

    The native half accepts connections and knows the clients. ``async with
    server`` closes it at the end and waits until it is closed.

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
        # Connections that others have attached: objects from Python 3.13 on, before that
        # only their number.
        self._attached: WeakSet = WeakSet()
        self._attached_count = 0
        self._sockets = sockets  # None once closed
        self._protocol_factory = protocol_factory
        self._backlog = backlog
        tls = tls or (None, None, None)
        self._ssl_context, self._ssl_handshake_timeout, self._ssl_shutdown_timeout = tls
        # The file that goes when the server is closed, a SocketFile or None.
        self._socket_file = None
        self._serving = False
        self._serving_forever_fut = None
        # Futures of those in wait_closed(); None once they were woken up.
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
        """Tell whether the server accepts connections."""
        return self._serving

    async def start_serving(self) -> None:
        """Start to accept connections; do nothing if that has happened.

        Raises:
            RuntimeError: the server is closed.
            OSError: the system does not let a socket listen.
        """
        self._start_serving()
        # A caller that connects next finds the sockets being watched.
        await tasks.sleep(0)

    async def serve_forever(self) -> None:
        """Accept connections until cancelled.

        Cancellation closes the server, from Python 3.14 on its connections too,
        and waits as ``wait_closed()`` does.
        ``close()`` ends the wait too, as a cancellation.

        Raises:
            RuntimeError: the server is closed, or somebody else is in this
                method.
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
                if sys.version_info >= (3, 14):
                    self.close_clients()
                await self.wait_closed()
            finally:
                # The cancellation counts, whatever closing came to.
                raise
        finally:
            self._serving_forever_fut = None

    def close(self) -> None:
        """Stop listening; connections that exist stay open.

        Closing a closed server does nothing.
        """
        if self._sockets is None:
            return
        self._sockets = None
        self._serving = False
        self._stop_accepting()
        if self._socket_file is not None:
            self._socket_file.remove()
        forever = self._serving_forever_fut
        if forever is not None and not forever.done():
            forever.cancel()
            self._serving_forever_fut = None
        if self._active_count == 0:
            self._wake_waiters()

    def close_clients(self) -> None:
        """Close every connection once its buffered data is sent.

        asyncio has it from Python 3.13 on.
        """
        for transport in self._clients:
            transport.close()

    def abort_clients(self) -> None:
        """Close every connection at once; buffered data is lost.

        asyncio has it from Python 3.13 on.
        """
        for transport in self._clients:
            transport.abort()

    async def wait_closed(self) -> None:
        """Wait until the server is closed and its last connection has ended.

        On Python 3.11 it returns at once if the server is closed, as asyncio
        does there, even while connections exist.

        Cancellation ends the wait and nothing else.
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
            """Take a connection of somebody else's into account."""
            assert self._sockets is not None
            self._attached.add(transport)

        def _detach(self, transport) -> None:
            """Forget such a connection."""
            self._attached.discard(transport)
            self._clients_gone()

    else:

        def _attach(self) -> None:
            """Take a connection of somebody else's into account."""
            assert self._sockets is not None
            self._attached_count += 1

        def _detach(self) -> None:
            """Forget such a connection."""
            assert self._active_count > 0
            self._attached_count -= 1
            self._clients_gone()

    def _clients_gone(self) -> None:
        """A client has left; called by the native half for the last one it knows of."""
        if self._active_count == 0 and self._sockets is None:
            self._wake_waiters()

    def _wake_waiters(self) -> None:
        waiters, self._waiters = self._waiters, None
        for waiter in waiters or ():
            if not waiter.done():
                waiter.set_result(None)
