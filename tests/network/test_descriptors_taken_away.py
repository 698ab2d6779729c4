"""Descriptors that somebody closes, or exchanges, behind a transport's back."""

import asyncio
import os
import socket

import pytest

from .peers import Recorder

# The socket objects find out when they are closed.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


async def turns(count=5):
    for _ in range(count):
        await asyncio.sleep(0)


def test_what_arrives_under_a_number_used_again_is_not_the_old_transports(run, loop):
    async def main():
        near, peer = socket.socketpair()
        first, protocol = await loop.create_connection(Recorder, sock=near)
        number = first._sock_fd
        os.close(number)
        others = socket.socketpair()
        mine, far = others if others[0].fileno() == number else reversed(others)
        assert mine.fileno() == number
        far.send(b"for another")
        await turns()
        assert protocol.received == b""
        mine.detach()  # What closes the number now is the first transport's socket.
        first.abort()
        await protocol.lost
        far.close()
        peer.close()

    run(main())


def test_a_new_file_under_the_number_is_not_read(run, loop):
    async def main():
        near, far = socket.socketpair()
        other, peer = socket.socketpair()
        with far, other, peer:
            transport, protocol = await loop.create_connection(Recorder, sock=near)
            os.dup2(other.fileno(), transport._sock_fd)
            peer.send(b"for another")
            await turns()
            assert protocol.received == b""
            transport.close()
            assert await protocol.lost is None

    run(main())


def test_a_socket_closed_by_its_protocol_is_read_no_more(run, loop):
    class Closing(Recorder):
        def data_received(self, data):
            super().data_received(data)
            if len(self.received) >= 4:
                self.transport._sock.close()
                self.others = socket.socketpair()
                self.others[0].send(b"for another")
                self.others[1].send(b"for another")

    async def main():
        near, far = socket.socketpair()
        with far:
            transport, protocol = await loop.create_connection(Closing, sock=near)
            far.send(b"mine")
            await turns()
            assert protocol.received == b"mine"
            transport.abort()
            await protocol.lost
            for other in protocol.others:
                other.close()

    run(main())


def test_a_server_whose_socket_was_closed_can_be_closed(run, loop):
    async def main():
        server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
        os.dup2(0, server.sockets[0].fileno())
        await turns()
        server.close()
        await server.wait_closed()

    run(main())


@pytest.mark.parametrize("number", [-1, 2**31 - 1, 2**31, 10**7, "x", None, 1.5])
def test_an_odd_number_is_refused_before_memory_is_taken(run, loop, number):
    class Odd:
        type = socket.SOCK_STREAM

        def fileno(self):
            return number

        def setblocking(self, flag):
            pass

        def recv(self, count):
            raise BlockingIOError

        def listen(self, backlog):
            pass

        def close(self):
            pass

    async def main():
        for call in (
            lambda: loop.sock_recv(Odd(), 1),
            lambda: loop.connect_read_pipe(asyncio.Protocol, Odd()),
            lambda: loop.connect_write_pipe(asyncio.Protocol, Odd()),
            lambda: loop.create_server(asyncio.Protocol, sock=Odd()),
        ):
            with pytest.raises((OSError, ValueError, TypeError, OverflowError)):
                await call()

    run(main())
