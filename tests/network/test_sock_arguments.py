"""What all sock_* methods have in common: coroutines, and the sockets they refuse."""

import asyncio
import errno
import socket
import ssl

import pytest

from .peers import Recorder, tcp_pair

METHODS = {
    "sock_recv": (10,),
    "sock_recv_into": (bytearray(10),),
    "sock_recvfrom": (10,),
    "sock_recvfrom_into": (bytearray(10),),
    "sock_sendall": (b"x",),
    "sock_sendto": (b"x", ("127.0.0.1", 9)),
    "sock_connect": (("127.0.0.1", 9),),
    "sock_accept": (),
}

every_method = pytest.mark.parametrize(("method", "arguments"), METHODS.items(), ids=list(METHODS))


@every_method
def test_returns_a_coroutine_that_may_be_closed_unused(loop, method, arguments):
    with socket.socket() as sock:
        sock.setblocking(False)
        coroutine = getattr(loop, method)(sock, *arguments)
        assert asyncio.iscoroutine(coroutine)
        coroutine.close()


@every_method
def test_result_makes_a_task(run, loop, method, arguments):
    async def main():
        with socket.socket() as sock:
            sock.setblocking(False)
            task = loop.create_task(getattr(loop, method)(sock, *arguments))
            assert isinstance(task, asyncio.Task)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    run(main())


@every_method
def test_nothing_happens_before_it_is_awaited(loop, method, arguments):
    coroutine = getattr(loop, method)(None, *arguments)
    coroutine.close()


@every_method
def test_blocking_socket_is_refused_in_debug_mode(run, loop, method, arguments):
    async def main():
        loop.set_debug(True)
        with socket.socket() as sock:
            with pytest.raises(ValueError) as info:
                await getattr(loop, method)(sock, *arguments)
            assert str(info.value) == "the socket must be non-blocking"
            sock.settimeout(0.5)
            with pytest.raises(ValueError, match="^the socket must be non-blocking$"):
                await getattr(loop, method)(sock, *arguments)

    run(main())


@every_method
def test_closed_socket_is_an_error(run, loop, method, arguments):
    async def main():
        sock = socket.socket()
        sock.setblocking(False)
        sock.close()
        with pytest.raises(OSError) as info:
            await getattr(loop, method)(sock, *arguments)
        assert info.value.errno == errno.EBADF

    run(main())


@every_method
def test_ssl_socket_is_refused(run, loop, method, arguments):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False

    async def main():
        with context.wrap_socket(socket.socket()) as sock:
            with pytest.raises(TypeError, match="^Socket cannot be of type SSLSocket$"):
                await getattr(loop, method)(sock, *arguments)

    run(main())


def test_socket_of_a_transport_is_refused_when_it_would_wait(run, loop):
    async def main():
        near, far = tcp_pair()
        with far:
            transport, protocol = await loop.create_connection(Recorder, sock=near)
            with pytest.raises(RuntimeError) as info:
                await loop.sock_recv(near, 10)
            assert str(info.value) == (
                f"File descriptor {near.fileno()!r} is used by transport {transport!r}"
            )
            transport.close()
            await protocol.lost

    run(main())
