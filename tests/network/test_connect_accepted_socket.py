"""loop.connect_accepted_socket: a connection that somebody else has accepted."""

import asyncio
import socket
import ssl
import sys

import pytest

from .peers import Recorder, read_to_end, tcp_pair


def pair(family):
    """Two connected, blocking sockets of the family."""
    if family == socket.AF_UNIX:
        return socket.socketpair(family, socket.SOCK_STREAM)
    near, far = tcp_pair("::1" if family == socket.AF_INET6 else "127.0.0.1")
    near.setblocking(True)
    far.setblocking(True)
    return near, far


@pytest.fixture(params=["AF_INET", "AF_INET6", "AF_UNIX"])
def family(request):
    return getattr(socket, request.param)


def test_data_goes_both_ways(run, loop, family):
    async def main():
        near, far = pair(family)
        with far:
            transport, protocol = await loop.connect_accepted_socket(Recorder, near)
            assert protocol.calls == ["connection_made"]
            assert protocol.transport is transport
            assert near.gettimeout() == 0
            far.setblocking(False)
            await loop.sock_sendall(far, b"there")
            assert await protocol.receive(5) == b"there"
            transport.write(b"and back")
            transport.close()
            assert await read_to_end(loop, far) == b"and back"
            assert await protocol.lost is None
            assert near.fileno() == -1

    run(main())


def test_names_are_those_of_the_socket(run, loop, family):
    async def main():
        near, far = pair(family)
        with far:
            names = near.getsockname(), near.getpeername()
            transport, protocol = await loop.connect_accepted_socket(Recorder, near)
            info = transport.get_extra_info
            assert (info("sockname"), info("peername")) == names
            assert info("socket").family == family
            transport.close()
            await protocol.lost
            assert (info("sockname"), info("peername")) == names

    run(main())


def test_data_that_waited_already_is_read(run, loop, family):
    async def main():
        near, far = pair(family)
        far.sendall(b"early")
        far.close()
        _, protocol = await loop.connect_accepted_socket(Recorder, near)
        assert await protocol.lost is None
        assert bytes(protocol.received) == b"early"
        assert protocol.calls == [
            "connection_made",
            "data_received",
            "eof_received",
            "connection_lost",
        ]

    run(main())


def test_connection_that_a_listener_of_the_callers_accepted(run, loop):
    async def main():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)
            accepting = loop.create_task(loop.sock_accept(listener))
            with socket.create_connection(listener.getsockname()) as client:
                sock, address = await accepting
                transport, protocol = await loop.connect_accepted_socket(Recorder, sock)
                assert transport.get_extra_info("peername") == address == client.getsockname()
                client.sendall(b"hello")
                assert await protocol.receive(5) == b"hello"
        await protocol.lost

    run(main())


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
def test_datagram_sockets_are_refused(run, loop, family):
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        with pytest.raises(ValueError) as raised:
            run(loop.connect_accepted_socket(Recorder, sock))
        assert str(raised.value) == f"A Stream Socket was expected, got {sock!r}"
        assert sock.fileno() >= 0


@pytest.mark.parametrize("sock", [None, 7, "socket"])
def test_what_is_no_socket_is_refused(run, loop, sock):
    with pytest.raises(AttributeError, match="has no attribute 'type'"):
        run(loop.connect_accepted_socket(Recorder, sock))


@pytest.mark.parametrize("name", ["ssl_handshake_timeout", "ssl_shutdown_timeout"])
def test_timeouts_of_tls_want_tls(run, loop, name):
    near, far = tcp_pair()
    with near, far:
        with pytest.raises(ValueError) as raised:
            run(loop.connect_accepted_socket(Recorder, near, **{name: 1.0}))
        assert str(raised.value) == f"{name} is only meaningful with ssl"
        assert near.fileno() >= 0


def test_socket_of_the_ssl_module_is_refused(run, loop):
    near, far = tcp_pair()
    context = ssl.create_default_context()
    context.check_hostname = False
    wrapped = context.wrap_socket(near, do_handshake_on_connect=False)
    with wrapped, far:
        with pytest.raises(TypeError, match="Socket cannot be of type SSLSocket"):
            run(loop.connect_accepted_socket(Recorder, wrapped))


def test_socket_after_a_protocol_factory_that_raises(run, loop, family):
    def factory():
        raise ArithmeticError("no protocol")

    near, far = pair(family)
    with near, far:
        with pytest.raises(ArithmeticError, match="no protocol"):
            run(loop.connect_accepted_socket(factory, near))
        # Since Python 3.14 the loop closes it; before, it stays the caller's.
        assert (near.fileno() < 0) is (sys.version_info >= (3, 14))


def test_cancellation_closes_the_connection(run, loop, family):
    near, far = pair(family)
    far.settimeout(10)
    with far:

        async def main():
            opening = asyncio.ensure_future(loop.connect_accepted_socket(Recorder, near))
            await asyncio.sleep(0)
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening
            while near.fileno() >= 0:
                await asyncio.sleep(0)
            assert far.recv(10) == b""

        run(main())


def test_closed_socket_is_refused(run, loop, family):
    near, far = pair(family)
    far.close()
    near.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        run(loop.connect_accepted_socket(Recorder, near))
