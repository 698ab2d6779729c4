"""loop.sock_connect and sock_accept on bare sockets."""

import asyncio
import errno
import socket

import pytest

from .peers import tcp_pair, unused_port


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.setblocking(False)
        yield sock


@pytest.fixture
def client():
    with socket.socket() as sock:
        sock.setblocking(False)
        yield sock


def test_connects_and_accepts(run, loop, listener, client):
    async def main():
        accepting = asyncio.ensure_future(loop.sock_accept(listener))
        await asyncio.sleep(0)
        assert not accepting.done()
        assert await loop.sock_connect(client, listener.getsockname()) is None
        connection, address = await accepting
        with connection:
            assert isinstance(connection, socket.socket)
            assert connection.gettimeout() == 0
            assert address == client.getsockname()
            await loop.sock_sendall(client, b"hello")
            assert await loop.sock_recv(connection, 10) == b"hello"

    run(main())


def test_accepts_a_connection_that_waits_already(run, loop, listener):
    async def main():
        with socket.create_connection(listener.getsockname()) as client:
            connection, address = await loop.sock_accept(listener)
            with connection:
                assert address == client.getsockname()

    run(main())


def test_accepts_one_after_another(run, loop, listener):
    async def main():
        for _ in range(5):
            with socket.create_connection(listener.getsockname()) as client:
                connection, address = await loop.sock_accept(listener)
                connection.close()
                assert address == client.getsockname()

    run(main())


def test_connects_to_a_host_name(run, loop, listener, client):
    async def main():
        port = listener.getsockname()[1]
        await loop.sock_connect(client, ("localhost", port))
        assert client.getpeername() == ("127.0.0.1", port)

    run(main())


def test_connects_over_ipv6(run, loop):
    async def main():
        with (
            socket.create_server(("::1", 0), family=socket.AF_INET6) as listener,
            socket.socket(socket.AF_INET6) as client,
        ):
            client.setblocking(False)
            await loop.sock_connect(client, listener.getsockname()[:2])
            assert client.getpeername()[:2] == listener.getsockname()[:2]

    run(main())


def test_connects_to_a_unix_socket(run, loop, tmp_path):
    path = str(tmp_path / "socket")

    async def main():
        with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
            listener.bind(path)
            listener.listen()
            listener.setblocking(False)
            client.setblocking(False)
            await loop.sock_connect(client, path)
            connection, _ = await loop.sock_accept(listener)
            connection.close()

    run(main())


def test_refused(run, loop, client):
    address = ("127.0.0.1", unused_port())

    async def main():
        with pytest.raises(ConnectionRefusedError) as info:
            await loop.sock_connect(client, address)
        assert info.value.errno == errno.ECONNREFUSED
        assert str(info.value) == (f"[Errno {errno.ECONNREFUSED}] Connect call failed {address!r}")

    run(main())


def test_unix_path_without_a_listener(run, loop, tmp_path):
    async def main():
        with socket.socket(socket.AF_UNIX) as client:
            client.setblocking(False)
            with pytest.raises(FileNotFoundError):
                await loop.sock_connect(client, str(tmp_path / "nobody"))

    run(main())


def test_connected_socket_cannot_connect_again(run, loop, listener):
    near, far = tcp_pair()

    async def main():
        with near, far, pytest.raises(OSError) as info:
            await loop.sock_connect(far, listener.getsockname())
        assert info.value.errno == errno.EISCONN

    run(main())


def test_name_that_does_not_resolve(run, loop, client):
    async def main():
        with pytest.raises(socket.gaierror):
            await loop.sock_connect(client, ("host.invalid", 80))

    run(main())


def test_cancelled_accept_loses_no_connection(run, loop, listener):
    async def main():
        accepting = asyncio.ensure_future(loop.sock_accept(listener))
        await asyncio.sleep(0)
        accepting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await accepting
        assert loop.remove_reader(listener) is False
        with socket.create_connection(listener.getsockname()) as client:
            connection, address = await loop.sock_accept(listener)
            connection.close()
            assert address == client.getsockname()

    run(main())


def test_accepting_on_a_socket_that_does_not_listen(run, loop, client):
    async def main():
        with pytest.raises(OSError) as info:
            await loop.sock_accept(client)
        assert info.value.errno == errno.EINVAL

    run(main())
