"""``response.extensions["network_stream"]``: the connection itself."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any

from .._native import HttpResponse

if TYPE_CHECKING:
    from .packages import Package

__all__ = ("NetworkStream", "UpgradedStream")


class NetworkStream:
    """What is known of a response's connection.

    Arguments:
        transport: of the connection.
    """

    __slots__ = ("_transport",)

    def __init__(self, transport: Any) -> None:
        self._transport = transport

    def get_extra_info(self, info: str) -> Any:
        """Return one of "ssl_object", "client_addr", "server_addr", "socket", "is_readable".

        None for what is not known, or any other name.
        """
        transport = self._transport
        if transport is None:
            return None
        if info == "is_readable":
            return transport.is_closing()
        name = {"client_addr": "sockname", "server_addr": "peername"}.get(info, info)
        return transport.get_extra_info(name)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Only for upgraded connections.

        Raises:
            RuntimeError: always; read the response instead.
        """
        raise RuntimeError("the connection was not upgraded: its bytes are the response's body")

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Only for upgraded connections.

        Raises:
            RuntimeError: always; the connection belongs to the request.
        """
        raise RuntimeError("the connection was not upgraded: it belongs to the request")

    async def aclose(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.abort()


class UpgradedStream(NetworkStream):
    """A connection that is no longer HTTP: after status 101, or 2xx to ``CONNECT``.

    Arguments:
        response: gives the connection away.
        package: raises its exceptions.
    """

    __slots__ = ("_package", "_protocol")

    def __init__(self, response: HttpResponse, package: Package) -> None:
        transport, received = response.upgrade()
        super().__init__(transport)
        self._package = package
        self._protocol = _Received(received)
        self._protocol.take_over(transport)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return what has arrived, at most ``max_bytes``; nothing at the end.

        Raises:
            ReadTimeout: nothing arrived for ``timeout`` seconds.
            ReadError: the connection failed.
        """
        exceptions = self._package.core_module()
        try:
            async with asyncio.timeout(timeout):
                return await self._protocol.read(max_bytes)
        except TimeoutError as error:
            raise exceptions.ReadTimeout() from error
        except OSError as error:
            raise exceptions.ReadError(str(error)) from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send ``buffer``.

        Raises:
            WriteTimeout: the peer took nothing for ``timeout`` seconds.
            WriteError: the connection failed.
        """
        exceptions = self._package.core_module()
        try:
            async with asyncio.timeout(timeout):
                await self._protocol.write(self._transport, buffer)
        except TimeoutError as error:
            raise exceptions.WriteTimeout() from error
        except OSError as error:
            raise exceptions.WriteError(str(error)) from error

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> UpgradedStream:
        """Encrypt the connection, and return the stream to use from now on.

        Raises:
            ConnectTimeout: the handshake took more than ``timeout`` seconds.
            ConnectError: it failed.
        """
        exceptions = self._package.core_module()
        loop = asyncio.get_running_loop()
        below, protocol = self._transport, _Received(b"")
        try:
            async with asyncio.timeout(timeout):
                transport = await loop.start_tls(
                    below, protocol, ssl_context, server_hostname=server_hostname
                )
            if transport is None:
                raise ConnectionResetError("the connection was lost during the TLS handshake")
        except TimeoutError as error:
            raise exceptions.ConnectTimeout() from error
        except OSError as error:
            below.abort()
            raise exceptions.ConnectError(str(error)) from error
        protocol.connection_made(transport)
        encrypted = object.__new__(UpgradedStream)
        encrypted._transport = transport
        encrypted._package = self._package
        encrypted._protocol = protocol
        return encrypted


class _Received(asyncio.Protocol):
    """Keeps what arrives until it is read, and stops the peer when that is too much."""

    MOST = 256 * 1024

    def __init__(self, received: bytes) -> None:
        self._received = bytearray(received)
        self._transport: Any = None
        self._ended = False
        self._error: Exception | None = None
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._full = False

    def take_over(self, transport: Any) -> None:
        """Become the protocol of a connection that exists."""
        transport.set_protocol(self)
        self.connection_made(transport)
        transport.resume_reading()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        if len(self._received) > self.MOST:
            self._transport.pause_reading()
        _wake(self._reader)

    def eof_received(self) -> bool:
        self._ended = True
        _wake(self._reader)
        return not self._transport.get_extra_info("ssl_object")

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended, self._full, self._error = True, False, exc
        _wake(self._reader)
        _wake(self._writer)

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        _wake(self._writer)

    async def read(self, max_bytes: int) -> bytes:
        while not self._received and not self._ended:
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        if not self._received and self._error is not None:
            raise self._error
        data = bytes(self._received[:max_bytes])
        del self._received[:max_bytes]
        if not self._transport.is_closing():
            self._transport.resume_reading()
        return data

    async def write(self, transport: Any, buffer: bytes) -> None:
        if transport.is_closing():
            raise self._error or ConnectionResetError("the connection is closed")
        transport.write(buffer)
        while self._full:
            self._writer = asyncio.get_running_loop().create_future()
            try:
                await self._writer
            finally:
                self._writer = None
        if self._error is not None:
            raise self._error


def _wake(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)
