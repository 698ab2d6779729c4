"""asyncio's stream functions, with the native classes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from .._aioxide import StreamProtocolCore, StreamReader, StreamWriter

__all__: tuple[str, ...] = ("StreamReaderProtocol", "open_connection", "start_server")

_DEFAULT_LIMIT = 2**16


class StreamReaderProtocol(StreamProtocolCore, asyncio.streams.FlowControlMixin):
    """The protocol that feeds a ``StreamReader`` and does flow control for a writer.

    The native half does everything; this class makes it an instance of
    asyncio's protocol classes.

    Args:
        stream_reader: The reader. The protocol keeps only a weak reference to it.
        client_connected_cb: Called with the reader and a writer when the
            connection is made; if it returns a coroutine, a task runs it.
        loop: The event loop; the current one by default.
    """

    __module__ = "asyncio.streams"


def _client(
    loop: asyncio.AbstractEventLoop, limit: int
) -> tuple[StreamReader, StreamReaderProtocol]:
    reader = StreamReader(limit=limit, loop=loop)
    return reader, StreamReaderProtocol(reader, loop=loop)


def _factory(
    client_connected_cb: Callable[[StreamReader, StreamWriter], Any],
    loop: asyncio.AbstractEventLoop,
    limit: int,
) -> Callable[[], StreamReaderProtocol]:
    def accepted() -> StreamReaderProtocol:
        reader = StreamReader(limit=limit, loop=loop)
        return StreamReaderProtocol(reader, client_connected_cb, loop=loop)

    return accepted


async def open_connection(host=None, port=None, *, limit=_DEFAULT_LIMIT, **kwds):
    """Connect to a TCP server, over TLS if *ssl* is among the keywords.

    Args:
        host: Name or address.
        port: Port number or service name.
        limit: The greatest length of a line, in bytes. The reader pauses
            the transport at twice as much.
        kwds: Further arguments of ``loop.create_connection()``.

    Returns:
        A ``StreamReader`` and a ``StreamWriter``.

    Raises:
        OSError: The connection failed.

    Cancellation ends the attempt and closes the socket.

    https://docs.python.org/3/library/asyncio-stream.html#asyncio.open_connection
    """
    loop = asyncio.get_running_loop()
    reader, protocol = _client(loop, limit)
    transport, _ = await loop.create_connection(lambda: protocol, host, port, **kwds)
    return reader, StreamWriter(transport, protocol, reader, loop)


async def start_server(client_connected_cb, host=None, port=None, *, limit=_DEFAULT_LIMIT, **kwds):
    """Listen for TCP connections, over TLS if *ssl* is among the keywords.

    Args:
        client_connected_cb: Called with a ``StreamReader`` and a
            ``StreamWriter`` for each connection; if it returns a coroutine, a
            task runs it.
        host: Name or address to listen on, a sequence of them, or None for all
            interfaces.
        port: Port number; 0 lets the system choose.
        limit: The greatest length of a line, in bytes. A reader pauses
            the transport at twice as much.
        kwds: Further arguments of ``loop.create_server()``.

    Returns:
        A ``Server``.

    Raises:
        OSError: An address cannot be bound or resolved.

    Cancellation closes what was opened.

    https://docs.python.org/3/library/asyncio-stream.html#asyncio.start_server
    """
    loop = asyncio.get_running_loop()
    factory = _factory(client_connected_cb, loop, limit)
    return await loop.create_server(factory, host, port, **kwds)


if hasattr(socket, "AF_UNIX"):
    __all__ += ("open_unix_connection", "start_unix_server")

    async def open_unix_connection(path=None, *, limit=_DEFAULT_LIMIT, **kwds):
        """Connect to a server at a Unix socket, otherwise as ``open_connection``.

        Args:
            path: The path of the socket.
            limit: The greatest length of a line, in bytes. The reader pauses
                the transport at twice as much.
            kwds: Further arguments of ``loop.create_unix_connection()``.

        Returns:
            A ``StreamReader`` and a ``StreamWriter``.

        Raises:
            OSError: The connection failed.

        Cancellation ends the attempt and closes the socket.

        https://docs.python.org/3/library/asyncio-stream.html#asyncio.open_unix_connection
        """
        loop = asyncio.get_running_loop()
        reader, protocol = _client(loop, limit)
        transport, _ = await loop.create_unix_connection(lambda: protocol, path, **kwds)
        return reader, StreamWriter(transport, protocol, reader, loop)

    async def start_unix_server(client_connected_cb, path=None, *, limit=_DEFAULT_LIMIT, **kwds):
        """Listen at a Unix socket, otherwise as ``start_server``.

        Args:
            client_connected_cb: Called with a ``StreamReader`` and a
                ``StreamWriter`` for each connection; if it returns a coroutine,
                a task runs it.
            path: The path of the socket to make.
            limit: The greatest length of a line, in bytes. A reader pauses
                the transport at twice as much.
            kwds: Further arguments of ``loop.create_unix_server()``.

        Returns:
            A ``Server``.

        Raises:
            OSError: The path cannot be bound.

        https://docs.python.org/3/library/asyncio-stream.html#asyncio.start_unix_server
        """
        loop = asyncio.get_running_loop()
        factory = _factory(client_connected_cb, loop, limit)
        return await loop.create_unix_server(factory, path, **kwds)
