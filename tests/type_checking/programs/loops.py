"""What is written one level lower: the loop, its handles, transports and protocols."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from typing import Any, assert_type

import aioxide as asyncio


class Counting(asyncio.Protocol):
    def __init__(self, lost: asyncio.Future[int]) -> None:
        self.received = 0
        self.lost = lost
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += len(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(self.received)


class Datagrams(asyncio.DatagramProtocol):
    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        raise NotImplementedError


async def connections(loop: asyncio.AbstractEventLoop) -> int:
    lost: asyncio.Future[int] = loop.create_future()
    server = await loop.create_server(lambda: Counting(lost), "127.0.0.1", 0)
    assert_type(server, asyncio.Server)
    async with server:
        transport, protocol = await loop.create_connection(
            lambda: Counting(loop.create_future()), *server.sockets[0].getsockname()
        )
        assert_type(transport, asyncio.Transport)
        assert_type(protocol, Counting)
        transport.write(b"four")
        transport.close()
        return await lost


async def sockets(loop: asyncio.AbstractEventLoop) -> None:
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        far.setblocking(False)
        await loop.sock_sendall(near, b"ping")
        assert_type(await loop.sock_recv(far, 16), bytes)
        loop.add_reader(far, print, "readable")
        assert_type(loop.remove_reader(far), bool)
    transport, protocol = await loop.create_datagram_endpoint(
        Datagrams, local_addr=("127.0.0.1", 0)
    )
    assert_type(transport, asyncio.DatagramTransport)
    assert_type(protocol, Datagrams)
    transport.close()


def callbacks(loop: asyncio.Loop) -> None:
    called: list[int] = []
    handle = loop.call_soon(called.append, 1)
    assert_type(handle, asyncio.Handle)
    assert_type(handle.cancelled(), bool)
    timer = loop.call_later(60, called.append, 2)
    assert_type(timer, asyncio.TimerHandle)
    assert_type(timer.when(), float)
    timer.cancel()
    loop.call_soon_threadsafe(called.append, 3)
    loop.call_soon(called.append, "text")  # type: ignore[arg-type]
    loop.set_exception_handler(report)
    loop.add_signal_handler(signal.SIGUSR1, called.append, 4)
    assert_type(loop.remove_signal_handler(signal.SIGUSR1), bool)
    loop.set_debug(False)
    assert_type(loop.time(), float)


def report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    loop.default_exception_handler(context)


def run() -> None:
    loop = asyncio.Loop()
    factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.Loop
    try:
        assert_type(loop.run_until_complete(connections(loop)), int)
        loop.run_until_complete(sockets(loop))
        callbacks(loop)
        assert_type(
            loop.run_until_complete(loop.run_in_executor(None, divmod, 7, 2)), tuple[int, int]
        )
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()
    with asyncio.Runner(loop_factory=factory):
        pass
