"""The server's listening sockets: each carrier (TCP, Unix, TLS) in each style of asyncio."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import sys
from collections.abc import Iterator
from typing import Any

from session import PIECE_BYTES, Book, Session, pieces
from wire import HEADER, CorruptFrameError, Parser, checked, parse_header

#: Thousands of clients may come at once after a restart.
BACKLOG = 4096
#: What ends a connection when the client wants it to. A frame cut short is one of them.
LOSSES = (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError)


def reset(transport: asyncio.WriteTransport) -> None:
    """Ends a connection so that the peer gets a reset, where the carrier knows such a thing."""
    # TLS has none any more when the connection is lost already.
    if (sock := transport.get_extra_info("socket")) is not None:
        set_no_linger(sock)
    transport.abort()


def set_no_linger(sock: Any) -> None:
    """Lets closing `sock` reset the connection."""
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def check_bounded(book: Book, transport: asyncio.WriteTransport) -> None:
    """Complains when a slow reader makes this side keep more than it must."""
    _, high = transport.get_write_buffer_limits()
    # One piece was written while the buffer was below the mark. TLS keeps it twice for a moment.
    most = high + 2 * (PIECE_BYTES + HEADER.size)
    if (size := transport.get_write_buffer_size()) > most:
        book.complaints.add(f"{size} bytes are kept for a slow reader, {most} at most are due")


class Listener:
    """One address that is listened at, in one style; can be stopped and started again."""

    def __init__(self, name: str, book: Book, address: Any, context: ssl.SSLContext | None) -> None:
        self.name = name
        self.book = book
        #: A path, or host and port.
        self.address = address
        self.context = context
        #: Those that are open, with what cuts them.
        self.sessions: dict[Session, Any] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen at the address; a port of 0 becomes the one that was given."""
        raise NotImplementedError

    async def stop(self, cut: bool) -> None:
        """Listen no more, and cut the connections there are if `cut`."""
        raise NotImplementedError

    def cut_all(self) -> None:
        """End every connection at once."""
        for session, transport in list(self.sessions.items()):
            session.is_cut = True
            transport.abort()

    async def settle(self) -> None:
        """Wait for the ends of earlier servers, which come with their last connection."""
        if self._leaving:
            await asyncio.wait(self._leaving)


class ServerListener(Listener):
    """A listener that is an ``asyncio.Server``."""

    _server: asyncio.Server

    async def start(self) -> None:
        self._server = await self.listen()
        if isinstance(self.address, tuple):
            self.address = self._server.sockets[0].getsockname()

    async def listen(self) -> asyncio.Server:
        """Make the server."""
        raise NotImplementedError

    async def stop(self, cut: bool) -> None:
        server = self._server
        server.close()
        if cut:
            for session in self.sessions:
                session.is_cut = True
            if sys.version_info >= (3, 13):
                server.abort_clients()
            else:
                self.cut_all()
        leaving = asyncio.create_task(server.wait_closed())
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    def place(self) -> dict[str, Any]:
        """Where to listen, as keywords of the functions that do."""
        if isinstance(self.address, tuple):
            host, port = self.address
            place = {"host": host, "port": port}
        else:
            place = {"path": self.address}
        return {**place, "backlog": BACKLOG, "ssl": self.context}


class StreamListener(ServerListener):
    """``asyncio.start_server``."""

    async def listen(self) -> asyncio.Server:
        if isinstance(self.address, tuple):
            return await asyncio.start_server(self._serve, **self.place())
        return await asyncio.start_unix_server(self._serve, **self.place())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(self.book)
        self.sessions[session] = writer.transport
        try:
            await self._converse(session, reader, writer)
        except LOSSES:
            pass
        except CorruptFrameError as exc:
            self.book.complaints.add_exception(self.name, exc)
        finally:
            del self.sessions[session]
            session.end()
            writer.close()
        try:
            await writer.wait_closed()
        except LOSSES:
            pass

    async def _converse(
        self, session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            kind, number, length, checksum = parse_header(await reader.readexactly(HEADER.size))
            body = await reader.readexactly(length)
            todo = session.take(checked(kind, number, checksum, body))
            if todo.answer:
                writer.write(todo.answer)
                await writer.drain()
            for piece in pieces(todo.fetch):
                writer.write(piece)
                check_bounded(self.book, writer.transport)
                await writer.drain()
            if todo.pause:
                await asyncio.sleep(todo.pause)
            if todo.reset:
                reset(writer.transport)
                return


class ProtocolListener(ServerListener):
    """``loop.create_server`` with a protocol."""

    async def listen(self) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        if isinstance(self.address, tuple):
            return await loop.create_server(self.protocol, **self.place())
        return await loop.create_unix_server(self.protocol, **self.place())

    def protocol(self) -> asyncio.BaseProtocol:
        """The protocol of one connection."""
        return ServerProtocol(self)


class BufferedListener(ProtocolListener):
    """``loop.create_server`` with a protocol that brings its own buffer."""

    def protocol(self) -> asyncio.BaseProtocol:
        return BufferedServerProtocol(self)


class _Conversation:
    """What the two protocols have in common."""

    _transport: asyncio.Transport

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._parser = Parser()
        self._pieces: Iterator[bytes] = iter(())
        self._may_write = True
        self._plan: asyncio.Handle | None = None
        self._resumption: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._session = Session(self._listener.book)
        self._listener.sessions[self._session] = transport

    def connection_lost(self, exc: BaseException | None) -> None:
        if exc is not None and not isinstance(exc, LOSSES):
            self._listener.book.complaints.add_exception(self._listener.name, exc)
        if self._resumption is not None:
            self._resumption.cancel()
        if self._plan is not None:
            self._plan.cancel()
        del self._listener.sessions[self._session]
        self._session.end()

    def pause_writing(self) -> None:
        self._may_write = False

    def resume_writing(self) -> None:
        self._may_write = True
        self._plan_piece()

    def _received(self, data: bytes | memoryview) -> None:
        try:
            frames = self._parser.feed(data)
        except CorruptFrameError as exc:
            self._listener.book.complaints.add_exception(self._listener.name, exc)
            self._transport.abort()
            return
        answers = bytearray()
        for frame in frames:
            todo = self._session.take(frame)
            answers += todo.answer
            if todo.fetch:
                self._pieces = pieces(todo.fetch)
                self._plan_piece()
            if todo.pause:
                self._pause(todo.pause)
            if todo.reset:
                reset(self._transport)
        if answers and not self._transport.is_closing():
            self._transport.write(answers)

    def _plan_piece(self) -> None:
        # One an iteration: TLS does not tell that the connection below it is lost until the next,
        # and asyncio logs a warning when much is written to one that is.
        self._plan = asyncio.get_running_loop().call_soon(self._send_piece)

    def _send_piece(self) -> None:
        if not self._may_write or self._transport.is_closing():
            return
        if (piece := next(self._pieces, None)) is not None:
            self._transport.write(piece)
            check_bounded(self._listener.book, self._transport)
            self._plan_piece()

    def _pause(self, seconds: float) -> None:
        self._transport.pause_reading()
        loop = asyncio.get_running_loop()
        self._resumption = loop.call_later(seconds, self._resume)

    def _resume(self) -> None:
        self._resumption = None
        self._transport.resume_reading()


class ServerProtocol(_Conversation, asyncio.Protocol):
    """Gets bytes."""

    def data_received(self, data: bytes) -> None:
        self._received(data)


class BufferedServerProtocol(_Conversation, asyncio.BufferedProtocol):
    """Gets bytes in a buffer of its own."""

    def __init__(self, listener: Listener) -> None:
        super().__init__(listener)
        self._buffer = memoryview(bytearray(16 * 1024))

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._received(self._buffer[:nbytes])


class _Cutter:
    """Ends a connection of the ``sock_*`` style as ``abort`` ends a transport."""

    def __init__(self, task: asyncio.Task[None]) -> None:
        self._task = task

    def abort(self) -> None:
        self._task.cancel()


class SocketListener(Listener):
    """``loop.sock_accept`` and a task for each connection."""

    async def start(self) -> None:
        if isinstance(self.address, tuple):
            listening = socket.create_server(self.address, backlog=BACKLOG)
            self.address = listening.getsockname()
        else:
            raise ValueError(f"{self.name} is for TCP")
        listening.setblocking(False)
        self._listening = listening
        self._connections: set[asyncio.Task[None]] = set()
        self._accepting = asyncio.create_task(self._accept())

    async def stop(self, cut: bool) -> None:
        self._accepting.cancel()
        await asyncio.wait([self._accepting])
        self._listening.close()
        if cut:
            self.cut_all()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(self._listening)
            task = asyncio.create_task(self._serve(connection))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)

    async def _serve(self, connection: socket.socket) -> None:
        session = Session(self.book)
        task = asyncio.current_task()
        assert task is not None
        self.sessions[session] = _Cutter(task)
        try:
            await self._converse(session, connection)
        except LOSSES:
            pass
        except CorruptFrameError as exc:
            self.book.complaints.add_exception(self.name, exc)
        finally:
            del self.sessions[session]
            session.end()
            if session.is_cut:
                set_no_linger(connection)
            connection.close()

    async def _converse(self, session: Session, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        parser = Parser()
        while data := await loop.sock_recv(connection, 64 * 1024):
            for frame in parser.feed(data):
                todo = session.take(frame)
                await loop.sock_sendall(connection, todo.answer)
                for piece in pieces(todo.fetch):
                    await loop.sock_sendall(connection, piece)
                if todo.pause:
                    await asyncio.sleep(todo.pause)
                if todo.reset:
                    return


STYLES: dict[str, type[Listener]] = {
    "streams": StreamListener,
    "protocol": ProtocolListener,
    "buffered": BufferedListener,
    "sock": SocketListener,
}
