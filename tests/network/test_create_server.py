"""loop.create_server: which sockets it makes, binds and refuses."""

import asyncio
import errno
import select
import socket
import ssl
import sys
import time

import pytest

from .peers import Recorder, unused_port


async def closed(server):
    server.close()
    await server.wait_closed()


def addresses(server):
    return sorted(sock.getsockname()[:2] for sock in server.sockets)


def test_port_zero_lets_the_system_choose(run, loop):
    async def main():
        server = await loop.create_server(Recorder, "127.0.0.1", 0)
        ((host, port),) = addresses(server)
        assert host == "127.0.0.1"
        assert port > 0
        await closed(server)

    run(main())


def test_serves_each_of_several_hosts(run, loop):
    port = unused_port()

    async def main():
        server = await loop.create_server(Recorder, ["127.0.0.1", "127.0.0.2"], port)
        assert addresses(server) == [("127.0.0.1", port), ("127.0.0.2", port)]
        for host, _ in addresses(server):
            with socket.create_connection((host, port)):
                pass
        await closed(server)

    run(main())


def test_a_host_named_twice_is_bound_once(run, loop):
    port = unused_port()

    async def main():
        server = await loop.create_server(Recorder, ["127.0.0.1", "127.0.0.1"], port)
        assert addresses(server) == [("127.0.0.1", port)]
        await closed(server)

    run(main())


@pytest.mark.parametrize("host", [None, ""])
def test_no_host_means_every_interface(run, loop, host):
    # Bound to "::" a socket takes the port of IPv4 as well, so both are free afterwards.
    port = unused_port("::")

    async def main():
        server = await loop.create_server(Recorder, host, port)
        assert {sock.family for sock in server.sockets} == {socket.AF_INET, socket.AF_INET6}
        assert addresses(server) == [("0.0.0.0", port), ("::", port)]
        await closed(server)

    run(main())


def test_ipv6_sockets_do_not_take_ipv4(run, loop):
    async def main():
        server = await loop.create_server(Recorder, "::1", 0)
        (sock,) = server.sockets
        assert sock.family == socket.AF_INET6
        assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1
        await closed(server)

    run(main())


def test_family_restricts_the_resolution(run, loop):
    async def main():
        server = await loop.create_server(Recorder, None, 0, family=socket.AF_INET)
        assert [sock.family for sock in server.sockets] == [socket.AF_INET]
        await closed(server)

    run(main())


@pytest.mark.parametrize(("argument", "expected"), [(None, 1), (True, 1), (False, 0)])
def test_reuse_address_is_on_unless_refused(run, loop, argument, expected):
    async def main():
        server = await loop.create_server(Recorder, "127.0.0.1", 0, reuse_address=argument)
        (sock,) = server.sockets
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) == expected
        await closed(server)

    run(main())


def test_reuse_port_lets_two_servers_share_a_port(run, loop):
    async def main():
        first = await loop.create_server(Recorder, "127.0.0.1", 0, reuse_port=True)
        ((_, port),) = addresses(first)
        second = await loop.create_server(Recorder, "127.0.0.1", port, reuse_port=True)
        assert addresses(second) == [("127.0.0.1", port)]
        await closed(first)
        await closed(second)

    run(main())


def test_reuse_port_is_off_by_default(run, loop):
    async def main():
        server = await loop.create_server(Recorder, "127.0.0.1", 0)
        (sock,) = server.sockets
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT) == 0
        await closed(server)

    run(main())


@pytest.mark.skipif(
    sys.version_info < (3, 13), reason="create_server(keep_alive=) came with Python 3.13"
)
def test_keep_alive_sets_the_socket_option(run, loop):
    async def main():
        server = await loop.create_server(Recorder, "127.0.0.1", 0, keep_alive=True)
        (sock,) = server.sockets
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        await closed(server)

    run(main())


def test_sockets_are_non_blocking(run, loop):
    async def main():
        server = await loop.create_server(Recorder, "127.0.0.1", 0)
        assert [sock.gettimeout() for sock in server.sockets] == [0]
        await closed(server)

    run(main())


def test_serves_on_a_bound_socket(run, loop):
    async def main():
        sock = socket.socket()
        sock.bind(("127.0.0.1", 0))
        server = await loop.create_server(Recorder, sock=sock)
        assert addresses(server) == [sock.getsockname()]
        with socket.create_connection(sock.getsockname()):
            pass
        await closed(server)
        assert sock.fileno() == -1

    run(main())


@pytest.mark.parametrize(("backlog", "all_fit"), [(1, False), (50, True)])
def test_backlog_bounds_the_connections_not_yet_accepted(run, loop, backlog, all_fit):
    def connected_at_once(address, count):
        """How many of count connections complete while the loop accepts none."""
        clients = [socket.socket() for _ in range(count)]
        waiting = select.poll()
        for client in clients:
            client.setblocking(False)
            client.connect_ex(address)
            waiting.register(client, select.POLLOUT)
        connected, patience = 0, time.monotonic() + (10 if all_fit else 0.2)
        while connected < count and (left := patience - time.monotonic()) > 0:
            for descriptor, _ in waiting.poll(left * 1000):
                waiting.unregister(descriptor)
                connected += 1
        for client in clients:
            client.close()
        return connected

    async def main():
        server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0, backlog=backlog)
        connected = connected_at_once(addresses(server)[0], 20)
        await closed(server)
        assert (connected == 20) == all_fit

    run(main())


def test_port_in_use_names_the_address(run, loop):
    async def main():
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = taken.getsockname()
            with pytest.raises(OSError) as info:
                await loop.create_server(Recorder, *address)
        assert info.value.errno == errno.EADDRINUSE
        cause = "address already in use"
        if sys.version_info >= (3, 13):
            # The errno became part of the inner text with Python 3.13.
            cause = f"[errno {errno.EADDRINUSE}] {cause}"
        assert str(info.value) == (
            f"[Errno {errno.EADDRINUSE}] error while attempting to bind on address "
            f"{address!r}: {cause}"
        )

    run(main())


def test_one_port_in_use_closes_the_sockets_already_bound(run, loop):
    port = unused_port()

    async def main():
        with socket.create_server(("127.0.0.2", port)):
            with pytest.raises(OSError):
                await loop.create_server(Recorder, ["127.0.0.1", "127.0.0.2"], port)
        with socket.create_server(("127.0.0.1", port)):
            pass

    run(main())


def test_address_of_another_machine_is_an_error(run, loop):
    async def main():
        with pytest.raises(OSError) as info:
            await loop.create_server(Recorder, "192.0.2.1", 0)
        if sys.version_info >= (3, 13):
            # Since 3.13 such an address is passed over; it fails only if none is left.
            assert str(info.value) == "could not bind on any address out of [('192.0.2.1', 0)]"
        else:
            assert info.value.errno == errno.EADDRNOTAVAIL
            assert "('192.0.2.1', 0)" in str(info.value)

    run(main())


def test_host_that_does_not_resolve_raises_gaierror(run, loop):
    async def main():
        with pytest.raises(socket.gaierror):
            await loop.create_server(Recorder, "host.invalid", 0)

    run(main())


def test_empty_resolution_names_the_host(run, loop, monkeypatch):
    async def nothing(*args, **kwargs):
        return []

    monkeypatch.setattr(loop, "getaddrinfo", nothing)

    async def main():
        with pytest.raises(OSError) as info:
            await loop.create_server(Recorder, "somewhere", 0)
        assert str(info.value) == "getaddrinfo('somewhere') returned empty list"

    run(main())


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({}, ValueError, "Neither host/port nor sock were specified"),
        ({"port": 0, "ssl": True}, TypeError, "ssl argument must be an SSLContext or None"),
        ({"port": 0, "ssl": False}, TypeError, "ssl argument must be an SSLContext or None"),
        (
            {"port": 0, "ssl_handshake_timeout": 1},
            ValueError,
            "ssl_handshake_timeout is only meaningful with ssl",
        ),
        (
            {"port": 0, "ssl_shutdown_timeout": 1},
            ValueError,
            "ssl_shutdown_timeout is only meaningful with ssl",
        ),
    ],
)
def test_argument_combinations_that_make_no_sense(run, loop, arguments, error, text):
    async def main():
        with pytest.raises(error) as info:
            await loop.create_server(Recorder, **arguments)
        assert str(info.value) == text

    run(main())


def test_address_and_socket_exclude_each_other(run, loop):
    async def main():
        with socket.socket() as sock:
            with pytest.raises(ValueError) as info:
                await loop.create_server(Recorder, "127.0.0.1", 0, sock=sock)
        assert str(info.value) == "host/port and sock can not be specified at the same time"

    run(main())


def test_datagram_socket_is_refused(run, loop):
    async def main():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            expected = f"A Stream Socket was expected, got {sock!r}"
            with pytest.raises(ValueError) as info:
                await loop.create_server(Recorder, sock=sock)
        assert str(info.value) == expected

    run(main())


def test_ssl_socket_is_refused(run, loop):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False

    async def main():
        with context.wrap_socket(socket.socket()) as sock:
            with pytest.raises(TypeError, match="^Socket cannot be of type SSLSocket$"):
                await loop.create_server(Recorder, sock=sock)

    run(main())
