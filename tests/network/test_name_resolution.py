"""loop.getaddrinfo and getnameinfo answer what the socket module answers."""

import asyncio
import socket
import threading

import pytest


@pytest.mark.parametrize(
    ("host", "port", "options"),
    [
        ("127.0.0.1", 80, {}),
        ("127.0.0.1", 80, {"type": socket.SOCK_STREAM}),
        ("127.0.0.1", "80", {"type": socket.SOCK_DGRAM}),
        ("::1", 443, {"type": socket.SOCK_STREAM}),
        ("::1", 443, {"family": socket.AF_INET6}),
        ("localhost", 80, {}),
        ("localhost", 80, {"family": socket.AF_INET, "type": socket.SOCK_STREAM}),
        (b"127.0.0.1", 80, {"proto": socket.IPPROTO_TCP}),
        (None, 80, {"type": socket.SOCK_STREAM, "flags": socket.AI_PASSIVE}),
        (None, 80, {"type": socket.SOCK_STREAM}),
        ("127.0.0.1", None, {"type": socket.SOCK_STREAM}),
        ("127.0.0.1", "http", {"type": socket.SOCK_STREAM}),
        ("0.0.0.0", 0, {"type": socket.SOCK_STREAM}),
        ("127.0.0.1", 80, {"flags": socket.AI_CANONNAME, "type": socket.SOCK_STREAM}),
        ("127.1", 80, {"type": socket.SOCK_STREAM}),
    ],
)
def test_getaddrinfo_equals_the_socket_modules(run, loop, host, port, options):
    answer = run(loop.getaddrinfo(host, port, **options))
    assert answer == socket.getaddrinfo(host, port, **options)


@pytest.mark.parametrize(
    ("host", "port", "options", "error"),
    [
        ("host.invalid", 80, {}, socket.gaierror),
        ("127.0.0.1", 80, {"family": socket.AF_INET6}, socket.gaierror),
        ("host.invalid", 80, {"flags": socket.AI_NUMERICHOST}, socket.gaierror),
        ("127.0.0.1", "no-such-service", {}, socket.gaierror),
        (None, None, {}, socket.gaierror),
        ("127.0.0.1", 80, {"type": 12345}, socket.gaierror),
        (5, 80, {}, TypeError),
        ("a" * 100 + ".invalid", 80, {}, UnicodeError),
    ],
)
def test_getaddrinfo_fails_as_the_socket_modules(run, loop, host, port, options, error):
    with pytest.raises(error) as expected:
        socket.getaddrinfo(host, port, **options)
    with pytest.raises(error) as info:
        run(loop.getaddrinfo(host, port, **options))
    assert type(info.value) is type(expected.value)
    assert str(info.value) == str(expected.value)


@pytest.mark.parametrize(
    ("address", "flags"),
    [
        (("127.0.0.1", 80), 0),
        (("127.0.0.1", 80), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV),
        (("::1", 443, 0, 0), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV),
        (("127.0.0.1", 53), socket.NI_DGRAM),
    ],
)
def test_getnameinfo_equals_the_socket_modules(run, loop, address, flags):
    assert run(loop.getnameinfo(address, flags)) == socket.getnameinfo(address, flags)


@pytest.mark.parametrize(
    ("address", "error"),
    [
        (("host.invalid", 80), socket.gaierror),
        ("127.0.0.1", TypeError),
        (("127.0.0.1",), TypeError),
        (("127.0.0.1", "http"), TypeError),
    ],
)
def test_getnameinfo_fails_as_the_socket_modules(run, loop, address, error):
    with pytest.raises(error) as expected:
        socket.getnameinfo(address, 0)
    with pytest.raises(error) as info:
        run(loop.getnameinfo(address))
    assert str(info.value) == str(expected.value)


def test_patched_resolver_is_used(run, loop, monkeypatch):
    asked = []

    def resolver(host, port, family=0, type=0, proto=0, flags=0):
        asked.append((host, port, family, type, proto, flags))
        return ["the answer"]

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    answer = run(loop.getaddrinfo("name.example", 80, type=socket.SOCK_STREAM))
    assert answer == ["the answer"]
    assert asked == [("name.example", 80, 0, socket.SOCK_STREAM, 0, 0)]


def test_slow_resolver_does_not_hold_the_loop_up(run, loop, monkeypatch):
    release = threading.Event()

    def resolver(*args):
        assert release.wait(10)
        return threading.current_thread()

    monkeypatch.setattr(socket, "getaddrinfo", resolver)

    async def main():
        task = asyncio.ensure_future(loop.getaddrinfo("name.example", 80))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not task.done()
        release.set()
        assert await task is not threading.current_thread()

    run(main())


def test_connecting_to_a_numeric_address_asks_no_resolver(run, loop, monkeypatch):
    def resolver(*args):
        raise AssertionError(f"resolver asked for {args}")

    async def main():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            address = listener.getsockname()
            monkeypatch.setattr(socket, "getaddrinfo", resolver)
            transport, _ = await loop.create_connection(asyncio.Protocol, *address)
            transport.close()
            with socket.socket() as sock:
                sock.setblocking(False)
                await loop.sock_connect(sock, address)
            server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
            server.close()
            await server.wait_closed()
            await asyncio.sleep(0)

    run(main())


def test_cancelled_resolution(run, loop, monkeypatch):
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args: release.wait(10))

    async def main():
        task = asyncio.ensure_future(loop.getaddrinfo("name.example", 80))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        release.set()

    run(main())
