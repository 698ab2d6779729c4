"""The client's end of a connection, in each style of asyncio, behind one set of words."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections import deque
from dataclasses import dataclass
from typing import Any

from listeners import reset, set_no_linger
from wire import HEADER, Frame, Parser, checked, parse_header


class EndError(Exception):
    """The peer has ended the connection in order."""


@dataclass(frozen=True)
class Place:
    """Where a listener is."""

    name: str
    #: A path, or host and port.
    address: Any
    context: ssl.SSLContext | None = None

    @property
    def can_half_close(self) -> bool:
        """Whether one direction can be ended alone."""
        return self.context is None

    def keywords(self) -> dict[str, Any]:
        """As asyncio's functions want it."""
        if isinstance(self.address, str):
            place: dict[str, Any] = {"path": self.address}
        else:
            place = {"host": self.address[0], "port": self.address[1]}
        if self.context is not None:
            place.update(ssl=self.context, server_hostname="localhost")
        return place


class Link:
    """One connection. `close` ends it in order, `abort` at once, `reset` rudely."""

    async def open(self, place: Place) -> None:
        """Connect."""
        raise NotImplementedError

    async def send(self, data: bytes) -> None:
        """Send, and wait while the peer is slow."""
        raise NotImplementedError

    async def receive(self) -> Frame:
        """The next frame.

        Raises:
            EndError: there is none.
            ConnectionError: the connection is lost.
        """
        raise NotImplementedError

    def half_close(self) -> None:
        """Say that nothing more will be sent."""
        raise NotImplementedError

    async def close(self) -> None:
        """Close, and wait until it is done."""
        raise NotImplementedError

    def abort(self) -> None:
        """Close at once, whatever is under way; does nothing when that has happened."""
        raise NotImplementedError

    def reset(self) -> None:
        """Close at once, so that the peer gets a reset."""
        raise NotImplementedError


class StreamLink(Link):
    """``asyncio.open_connection``."""

    _writer: asyncio.StreamWriter | None = None

    async def open(self, place: Place) -> None:
        open_any = (
            asyncio.open_unix_connection
            if isinstance(place.address, str)
            else asyncio.open_connection
        )
        self._reader, self._writer = await open_any(**place.keywords())

    @property
    def writer(self) -> asyncio.StreamWriter:
        """The writer of a connection that was opened."""
        assert self._writer is not None
        return self._writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def receive(self) -> Frame:
        try:
            header = await self._reader.readexactly(HEADER.size)
            kind, number, length, checksum = parse_header(header)
            return checked(kind, number, checksum, await self._reader.readexactly(length))
        except asyncio.IncompleteReadError as exc:
            raise EndError from exc

    def half_close(self) -> None:
        self.writer.write_eof()

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()

    def abort(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()

    def reset(self) -> None:
        reset(self.writer.transport)


class ProtocolLink(Link):
    """``loop.create_connection`` with a protocol."""

    def __init__(self) -> None:
        self._parser = Parser()
        self._frames: deque[Frame] = deque()
        self._transport: asyncio.Transport | None = None
        self._has_ended = False
        self._loss: BaseException | None = None
        self._news: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._gone: asyncio.Future[None] | None = None
        self._is_full = False

    def protocol(self) -> asyncio.BaseProtocol:
        """The protocol that reports here."""
        return _ClientProtocol(self)

    async def open(self, place: Place) -> None:
        loop = asyncio.get_running_loop()
        connect = (
            loop.create_unix_connection
            if isinstance(place.address, str)
            else loop.create_connection
        )
        await connect(self.protocol, **place.keywords())

    @property
    def transport(self) -> asyncio.Transport:
        """The transport of a connection that was opened."""
        assert self._transport is not None
        return self._transport

    async def send(self, data: bytes) -> None:
        self._raise_if_ended()
        self.transport.write(data)
        while self._is_full and not self._has_ended:
            self._room = asyncio.get_running_loop().create_future()
            await self._room
        self._raise_if_ended()

    async def receive(self) -> Frame:
        while not self._frames:
            self._raise_if_ended()
            self._news = asyncio.get_running_loop().create_future()
            await self._news
        return self._frames.popleft()

    def half_close(self) -> None:
        self.transport.write_eof()

    async def close(self) -> None:
        self.transport.close()
        while self._gone is not None and not self._gone.done():
            # Shielded: whoever waits may be cancelled, and the future is the protocol's.
            await asyncio.shield(self._gone)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def reset(self) -> None:
        reset(self.transport)

    def _raise_if_lost(self) -> None:
        if self._loss is not None:
            raise ConnectionError(str(self._loss)) from self._loss

    def _raise_if_ended(self) -> None:
        self._raise_if_lost()
        # A transport that closes by itself would log what is written to it.
        if self._has_ended or self.transport.is_closing():
            raise EndError

    def _wake(self, future: asyncio.Future[None] | None) -> None:
        if future is not None and not future.done():
            future.set_result(None)

    def made(self, transport: asyncio.Transport) -> None:
        """The connection is there."""
        self._transport = transport
        self._gone = asyncio.get_running_loop().create_future()

    def received(self, data: bytes | memoryview) -> None:
        """Bytes have come."""
        self._frames.extend(self._parser.feed(data))
        self._wake(self._news)
        # As a stream does, so that a reader who is slow slows the peer down.
        if len(self._frames) > 4:
            self.transport.pause_reading()
            asyncio.get_running_loop().call_later(0.01, self._resume)

    def _resume(self) -> None:
        if len(self._frames) <= 4 or self._has_ended:
            self.transport.resume_reading()
        else:
            asyncio.get_running_loop().call_later(0.01, self._resume)

    def ended(self, loss: BaseException | None) -> None:
        """Nothing more will come, because of `loss` if it is not None."""
        self._has_ended = True
        self._loss = self._loss or loss
        self._wake(self._news)
        self._wake(self._room)

    def gone(self, loss: BaseException | None) -> None:
        """The connection is closed."""
        self.ended(loss)
        self._wake(self._gone)

    def full(self, is_full: bool) -> None:
        """Whether the transport wants no more data."""
        self._is_full = is_full
        if not is_full:
            self._wake(self._room)


class _ClientEvents:
    """What both protocols report in the same way."""

    def __init__(self, link: ProtocolLink) -> None:
        self._link = link

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._link.made(transport)

    def eof_received(self) -> None:
        self._link.ended(None)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._link.gone(exc)

    def pause_writing(self) -> None:
        self._link.full(True)

    def resume_writing(self) -> None:
        self._link.full(False)


class _ClientProtocol(_ClientEvents, asyncio.Protocol):
    def data_received(self, data: bytes) -> None:
        self._link.received(data)


class _BufferedClientProtocol(_ClientEvents, asyncio.BufferedProtocol):
    def __init__(self, link: ProtocolLink) -> None:
        super().__init__(link)
        self._buffer = memoryview(bytearray(8 * 1024))

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._link.received(self._buffer[:nbytes])


class BufferedLink(ProtocolLink):
    """``loop.create_connection`` with a protocol that brings its own buffer."""

    def protocol(self) -> asyncio.BaseProtocol:
        return _BufferedClientProtocol(self)


class SocketLink(Link):
    """``loop.sock_connect`` and its likes."""

    def __init__(self) -> None:
        self._parser = Parser()
        self._frames: deque[Frame] = deque()
        self._socket: socket.socket | None = None
        self._buffer = memoryview(bytearray(16 * 1024))

    async def open(self, place: Place) -> None:
        is_path = isinstance(place.address, str)
        self._socket = socket.socket(socket.AF_UNIX if is_path else socket.AF_INET)
        self._socket.setblocking(False)
        address = place.address if is_path else tuple(place.address)
        await asyncio.get_running_loop().sock_connect(self._socket, address)

    @property
    def socket(self) -> socket.socket:
        """The socket of a connection that was opened."""
        assert self._socket is not None
        return self._socket

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.socket, data)

    async def receive(self) -> Frame:
        loop = asyncio.get_running_loop()
        while not self._frames:
            count = await loop.sock_recv_into(self.socket, self._buffer)
            if count == 0:
                raise EndError
            self._frames.extend(self._parser.feed(self._buffer[:count]))
        return self._frames.popleft()

    def half_close(self) -> None:
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError as exc:
            # A plain OSError says so of a connection that was reset meanwhile.
            if exc.errno != errno.ENOTCONN:
                raise
            raise ConnectionError(str(exc)) from exc

    async def close(self) -> None:
        self.abort()

    def abort(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def reset(self) -> None:
        set_no_linger(self.socket)
        self.abort()


STYLES: dict[str, type[Link]] = {
    "streams": StreamLink,
    "protocol": ProtocolLink,
    "buffered": BufferedLink,
    "sock": SocketLink,
}
