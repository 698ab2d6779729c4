"""loop.create_connection: how a connection is asked for, and what is refused."""

import asyncio
import errno
import socket
import ssl

import pytest

from .peers import Recorder, tcp_pair, unused_port


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


async def close(transport, protocol):
    transport.close()
    await protocol.lost


def test_connects_to_host_and_port(run, loop, listener):
    async def main():
        transport, protocol = await loop.create_connection(Recorder, *listener.getsockname())
        assert protocol.transport is transport
        assert isinstance(transport, asyncio.Transport)
        assert transport.get_extra_info("peername") == listener.getsockname()
        await close(transport, protocol)
        assert protocol.calls == ["connection_made", "connection_lost"]

    run(main())


def test_connection_made_comes_before_the_call_returns(run, loop, listener):
    async def main():
        transport, protocol = await loop.create_connection(Recorder, *listener.getsockname())
        assert protocol.calls == ["connection_made"]
        await close(transport, protocol)

    run(main())


def test_protocol_factory_is_called_once_without_arguments(run, loop, listener):
    calls = []

    def factory(*args, **kwargs):
        calls.append((args, kwargs))
        return Recorder()

    async def main():
        await close(*await loop.create_connection(factory, *listener.getsockname()))

    run(main())
    assert calls == [((), {})]


def test_resolves_a_host_name(run, loop, listener):
    async def main():
        port = listener.getsockname()[1]
        transport, protocol = await loop.create_connection(
            Recorder, "localhost", port, family=socket.AF_INET
        )
        assert transport.get_extra_info("peername") == ("127.0.0.1", port)
        await close(transport, protocol)

    run(main())


def test_connects_over_ipv6(run, loop):
    async def main():
        with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
            port = listener.getsockname()[1]
            transport, protocol = await loop.create_connection(Recorder, "::1", port)
            assert transport.get_extra_info("peername")[:2] == ("::1", port)
            await close(transport, protocol)

    run(main())


def test_takes_a_connected_socket(run, loop):
    async def main():
        near, far = tcp_pair()
        near.setblocking(True)
        with far:
            transport, protocol = await loop.create_connection(Recorder, sock=near)
            assert near.gettimeout() == 0
            assert transport.get_extra_info("socket").fileno() == near.fileno()
            assert transport.get_extra_info("sockname") == far.getpeername()
            await close(transport, protocol)
        assert near.fileno() == -1

    run(main())


def test_takes_a_unix_stream_socket(run, loop):
    async def main():
        near, far = socket.socketpair()
        with far:
            transport, protocol = await loop.create_connection(Recorder, sock=near)
            transport.write(b"over a socket pair")
            assert far.recv(100) == b"over a socket pair"
            await close(transport, protocol)

    run(main())


def test_local_addr_binds_this_end(run, loop, listener):
    port = unused_port()

    async def main():
        transport, protocol = await loop.create_connection(
            Recorder, *listener.getsockname(), local_addr=("127.0.0.1", port)
        )
        assert transport.get_extra_info("sockname") == ("127.0.0.1", port)
        await close(transport, protocol)

    run(main())


def test_local_addr_in_use_names_the_address(run, loop, listener):
    taken = listener.getsockname()

    async def main():
        with pytest.raises(OSError, match="error while attempting to bind on address") as info:
            await loop.create_connection(Recorder, *taken, local_addr=taken)
        assert info.value.errno == errno.EADDRINUSE
        assert repr(taken) in str(info.value)
        assert "address already in use" in str(info.value)

    run(main())


def test_local_addr_of_another_family_is_refused(run, loop, listener):
    async def main():
        with pytest.raises(OSError, match="no matching local address with family=") as info:
            await loop.create_connection(Recorder, *listener.getsockname(), local_addr=("::1", 0))
        assert "AF_INET" in str(info.value)

    run(main())


def test_refused_connection_names_errno_and_address(run, loop):
    port = unused_port()

    async def main():
        with pytest.raises(ConnectionRefusedError) as info:
            await loop.create_connection(Recorder, "127.0.0.1", port)
        assert info.value.errno == errno.ECONNREFUSED
        assert str(info.value) == (
            f"[Errno {errno.ECONNREFUSED}] Connect call failed ('127.0.0.1', {port})"
        )

    run(main())


def test_unresolvable_host_raises_gaierror(run, loop):
    async def main():
        with pytest.raises(socket.gaierror):
            await loop.create_connection(Recorder, "host.invalid", 80)

    run(main())


def test_empty_resolution_is_an_error(run, loop, monkeypatch):
    async def nothing(*args, **kwargs):
        return []

    monkeypatch.setattr(loop, "getaddrinfo", nothing)

    async def main():
        with pytest.raises(OSError, match=r"^getaddrinfo\(\) returned empty list$"):
            await loop.create_connection(Recorder, "somewhere", 80)

    run(main())


def test_resolution_goes_through_the_loops_own_getaddrinfo(run, loop, listener, monkeypatch):
    asked = []

    async def resolver(host, port, *, family=0, type=0, proto=0, flags=0):
        asked.append((host, port, type))
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", listener.getsockname())]

    monkeypatch.setattr(loop, "getaddrinfo", resolver)

    async def main():
        await close(*await loop.create_connection(Recorder, "made.up.example", 1))

    run(main())
    assert asked == [("made.up.example", 1, socket.SOCK_STREAM)]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({}, "host and port was not specified and no sock specified"),
        (
            {"host": "h", "server_hostname": "h"},
            "server_hostname is only meaningful with ssl",
        ),
        (
            {"host": "h", "port": 1, "ssl_handshake_timeout": 1},
            "ssl_handshake_timeout is only meaningful with ssl",
        ),
        (
            {"host": "h", "port": 1, "ssl_shutdown_timeout": 1},
            "ssl_shutdown_timeout is only meaningful with ssl",
        ),
        (
            {"port": 1, "ssl": True},
            "You must set server_hostname when using ssl without a host",
        ),
    ],
)
def test_argument_combinations_that_make_no_sense(run, loop, arguments, text):
    async def main():
        with pytest.raises(ValueError) as info:
            await loop.create_connection(Recorder, **arguments)
        assert str(info.value) == text

    run(main())


def test_address_and_socket_exclude_each_other(run, loop):
    async def main():
        with socket.socket() as sock:
            with pytest.raises(ValueError) as info:
                await loop.create_connection(Recorder, "127.0.0.1", 1, sock=sock)
        assert str(info.value) == "host/port and sock can not be specified at the same time"

    run(main())


def test_datagram_socket_is_refused(run, loop):
    async def main():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            expected = f"A Stream Socket was expected, got {sock!r}"
            with pytest.raises(ValueError) as info:
                await loop.create_connection(Recorder, sock=sock)
        assert str(info.value) == expected

    run(main())


def test_ssl_socket_is_refused(run, loop):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False

    async def main():
        with context.wrap_socket(socket.socket()) as sock:
            with pytest.raises(TypeError, match="^Socket cannot be of type SSLSocket$"):
                await loop.create_connection(Recorder, sock=sock)

    run(main())


def test_failing_protocol_factory_reaches_the_caller(run, loop, listener):
    def factory():
        raise LookupError("no protocol today")

    async def main():
        with pytest.raises(LookupError, match="^no protocol today$"):
            with socket.create_connection(listener.getsockname()) as sock:
                await loop.create_connection(factory, sock=sock)

    run(main())


def test_cancelling_a_pending_connection_closes_its_socket(run, loop, monkeypatch):
    sockets = []
    entered = asyncio.Event()

    async def never_connects(sock, address):
        sockets.append(sock)
        entered.set()
        await loop.create_future()

    monkeypatch.setattr(loop, "sock_connect", never_connects)

    async def main():
        task = loop.create_task(loop.create_connection(Recorder, "127.0.0.1", 1))
        await entered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [sock.fileno() for sock in sockets] == [-1]

    run(main())
