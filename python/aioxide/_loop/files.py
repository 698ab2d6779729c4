"""Sending a file through a socket or a transport."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import sys
from asyncio import constants, exceptions, protocols

from .._aioxide import FileSend, SocketTransport
from .._patch_releases import SENDFILE_MOVES_ALWAYS
from .executors import Executors
from .sockets import reject_ssl_socket

__all__ = ("FileSending",)

#: Bytes that the fallback of ``sendfile`` reads at a time.
_TRANSPORT_PIECE = 16 * 1024


class FileSending(Executors):
    """``sendfile`` and ``sock_sendfile``, by a system call or piece by piece.

    The kernel copies from the file to the socket where it can. Where it cannot,
    pieces are read in the default executor and sent as other data.
    """

    __slots__ = ()  # See Loop.

    async def sock_sendfile(self, sock, file, offset=0, count=None, *, fallback=True) -> int:
        """Send a file through a non-blocking socket.

        Arguments:
            sock: a connected stream socket; the caller keeps it.
            file: a file opened in binary mode. When this method ends, its position
                is after the last byte sent, also after an exception or
                cancellation.
            offset: the first byte to send.
            count: how many bytes to send; None for everything up to the end.
            fallback: read and send piece by piece if the kernel cannot send the
                file.

        Returns:
            The number of bytes sent.

        Raises:
            asyncio.SendfileNotAvailableError: the kernel cannot send the file,
                and ``fallback`` is false.
            OSError: the connection was lost, or the file cannot be read.
            ValueError, TypeError: an argument is invalid.

        Cancellation leaves the socket open; part of the file may have been sent.

        https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.sock_sendfile
        """
        if self.get_debug() and sock.gettimeout() != 0:
            raise ValueError("the socket must be non-blocking")
        reject_ssl_socket(sock)
        _require_binary(file)
        if sock.type != socket.SOCK_STREAM:
            raise ValueError("only SOCK_STREAM type sockets are supported")
        _check_range(offset, count)
        try:
            return await self._sock_sendfile_native(sock, file, offset, count)
        except exceptions.SendfileNotAvailableError:
            if not fallback:
                raise

        async def send(data) -> None:
            await self.sock_sendall(sock, data)

        # Read here, not at import: programs change this constant.
        size = constants.SENDFILE_FALLBACK_READBUFFER_SIZE
        return await self._send_in_pieces(file, offset, count, size, send)

    async def sendfile(self, transport, file, offset=0, count=None, *, fallback=True) -> int:
        """Send a file through a transport, after the data written before.

        Meanwhile the protocol receives no data. While the kernel sends, writing to
        the transport raises ``RuntimeError``.

        Arguments:
            transport: a stream transport of this loop, TLS or not.
            file, offset, count, fallback: as for ``sock_sendfile()``.

        Returns:
            The number of bytes sent.

        Raises:
            RuntimeError: the transport is closing, does not support sending
                files, is already sending one, or needs the fallback and
                ``fallback`` is false.
            asyncio.SendfileNotAvailableError: the kernel cannot send the file,
                and ``fallback`` is false.
            ConnectionError: the connection was lost meanwhile.
            OSError: the same, or the file cannot be read.
            ValueError, TypeError: an argument is invalid.

        Cancellation leaves the transport open for reading and writing; part of
        the file may have been sent.

        https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.sendfile
        """
        if transport.is_closing():
            raise RuntimeError("Transport is closing")
        modes = constants._SendfileMode
        mode = getattr(transport, "_sendfile_compatible", modes.UNSUPPORTED)
        if mode is modes.UNSUPPORTED:
            raise RuntimeError(f"sendfile is not supported for transport {transport!r}")
        if mode is modes.TRY_NATIVE:
            try:
                return await self._sendfile_native(transport, file, offset, count)
            except exceptions.SendfileNotAvailableError:
                if not fallback:
                    raise
        if not fallback:
            raise RuntimeError(
                "fallback is disabled and native sendfile is not "
                f"supported for transport {transport!r}"
            )
        return await self._sendfile_fallback(transport, file, offset, count)

    async def _sock_sendfile_native(self, sock, file, offset, count) -> int:
        sending = _ask_the_system(file, offset, count)
        if sock.fileno() < 0:
            raise exceptions.SendfileNotAvailableError("os.sendfile call failed")
        try:
            await self._sock_send_file(sock, sending)
        finally:
            _move_position(file, offset, sending)
        return sending.sent

    async def _sendfile_native(self, transp, file, offset, count) -> int:
        if not isinstance(transp, SocketTransport):
            raise exceptions.SendfileNotAvailableError("sendfile syscall is not supported")
        _require_binary(file)
        _check_range(offset, count)
        sending = _ask_the_system(file, offset, count)
        sent = transp._send_file(sending)
        was_reading = transp.is_reading()
        transp.pause_reading()
        try:
            await sent
        finally:
            transp._end_send_file()
            if was_reading:
                transp.resume_reading()
            _move_position(file, offset, sending)
        return sending.sent

    async def _sendfile_fallback(self, transp, file, offset, count) -> int:
        protocol = _Substitute(self, transp)

        async def send(data) -> None:
            await protocol.drain()
            # A copy: the transport may keep the data, and the buffer is reused.
            transp.write(bytes(data))

        try:
            return await self._send_in_pieces(file, offset, count, _TRANSPORT_PIECE, send)
        finally:
            protocol.restore()

    async def _send_in_pieces(self, file, offset, count, size, send) -> int:
        """Read at most ``size`` bytes at a time and pass them to ``send``."""
        if offset or (SENDFILE_MOVES_ALWAYS and hasattr(file, "seek")):
            file.seek(offset)
        buffer = memoryview(bytearray(min(count, size) if count else size))
        total = 0
        try:
            while not count or total < count:
                piece = buffer[: count - total] if count else buffer
                read = await self.run_in_executor(None, file.readinto, piece)
                if not read:
                    break
                await send(buffer[:read])
                total += read
            return total
        finally:
            if total > 0 and hasattr(file, "seek"):
                file.seek(offset + total)


class _Substitute(protocols.Protocol):
    """Stands in for a transport's protocol while a file is sent.

    It receives the calls for flow control and for the end of the connection;
    reading is paused.
    """

    def __init__(self, loop, transport) -> None:
        # Every transport with asyncio's flow control has this attribute.
        if not hasattr(transport, "_protocol_paused"):
            raise TypeError("transport should be _FlowControlMixin instance")
        self._loop = loop
        self._transport = transport
        self._protocol = transport.get_protocol()
        self._was_reading = transport.is_reading()
        self._was_paused = transport._protocol_paused
        transport.pause_reading()
        transport.set_protocol(self)
        # Pending while the transport asks not to be written to.
        self._writable = loop.create_future() if self._was_paused else None

    async def drain(self) -> None:
        """Wait until the transport may be written to.

        Raises:
            ConnectionError: the connection is lost.
        """
        if self._transport.is_closing():
            raise ConnectionError("Connection closed by peer")
        if self._writable is not None:
            await self._writable

    def restore(self) -> None:
        """Restore the transport's protocol."""
        self._transport.set_protocol(self._protocol)
        if self._was_reading:
            self._transport.resume_reading()
        if self._writable is not None:
            self._writable.cancel()
        if self._was_paused:
            self._protocol.resume_writing()

    def connection_made(self, transport) -> None:
        raise RuntimeError("Invalid state: connection should have been established already.")

    def connection_lost(self, exc) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_exception(
                ConnectionError("Connection is closed by peer") if exc is None else exc
            )
            # Mark it as retrieved: there may be no waiter; then drain() raises.
            self._writable.exception()
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        if self._writable is None:
            self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        writable, self._writable = self._writable, None
        if writable is not None and not writable.done():
            writable.set_result(None)

    def data_received(self, data) -> None:
        raise RuntimeError("Invalid state: reading should be paused")

    def eof_received(self) -> None:
        raise RuntimeError("Invalid state: reading should be paused")


def _require_binary(file) -> None:
    if "b" not in getattr(file, "mode", "b"):
        raise ValueError("file should be opened in binary mode")


def _check_range(offset, count) -> None:
    if count is not None:
        complaint = f"count must be a positive integer (got {count!r})"
        if not isinstance(count, int):
            raise TypeError(complaint)
        if count <= 0:
            raise ValueError(complaint)
    complaint = f"offset must be a non-negative integer (got {offset!r})"
    if not isinstance(offset, int):
        raise TypeError(complaint)
    if offset < 0:
        raise ValueError(complaint)


def _ask_the_system(file, offset, count) -> FileSend:
    """Return the file for the kernel to send.

    Raises:
        asyncio.SendfileNotAvailableError: the kernel cannot send this file.
    """
    if not hasattr(os, "sendfile"):
        raise exceptions.SendfileNotAvailableError("os.sendfile() is not available")
    try:
        descriptor = file.fileno()
    except (AttributeError, io.UnsupportedOperation):
        raise exceptions.SendfileNotAvailableError("not a regular file") from None
    try:
        size = os.fstat(descriptor).st_size
    except OSError:
        raise exceptions.SendfileNotAvailableError("not a regular file") from None
    if count is None:
        # A size of zero means an empty file, or not a regular one: send nothing.
        count = None if size else 0
    else:
        count = min(count, sys.maxsize)
    return FileSend(descriptor, offset, count)


def _move_position(file, offset, sending: FileSend) -> None:
    if sending.sent or SENDFILE_MOVES_ALWAYS:
        # A file that was closed meanwhile has no position. The exception that
        # ended the sending must not be replaced by this one.
        with contextlib.suppress(OSError, ValueError):
            os.lseek(file.fileno(), offset + sending.sent, os.SEEK_SET)
