"""Connecting to a numeric address goes no way of its own that a program could notice."""

import asyncio
import contextlib
import socket
import sys

import pytest

pytestmark = pytest.mark.timeout(20)


@pytest.fixture
def port():
    """The port of a socket that listens and never accepts."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.fixture
def closed_port():
    """A port at which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def spy_on(loop_class, name):
    calls = []
    inherited = getattr(loop_class, name)

    async def spy(self, *args, **kwargs):
        calls.append(args)
        return await inherited(self, *args, **kwargs)

    return calls, type("Spying", (loop_class,), {name: spy})


@pytest.mark.parametrize("name", ["sock_connect", "_ensure_resolved"])
def test_a_method_of_a_subclass_is_called(loop_factory, port, name):
    with contextlib.closing(loop_factory()) as plain:
        calls, spying = spy_on(type(plain), name)
    with contextlib.closing(spying()) as loop:
        transport, _ = loop.run_until_complete(
            loop.create_connection(asyncio.Protocol, "127.0.0.1", port)
        )
        transport.close()
        loop.run_until_complete(asyncio.sleep(0))
    assert calls


def test_a_method_that_is_set_on_the_loop_is_called(run, port):
    async def main():
        loop = asyncio.get_running_loop()
        calls = []

        async def refuse(sock, address):
            calls.append(address)
            raise OSError("refused by hand")

        loop.sock_connect = refuse
        with pytest.raises(OSError, match="refused by hand"):
            await loop.create_connection(asyncio.Protocol, "127.0.0.1", port)
        assert calls == [("127.0.0.1", port)]
        del loop.sock_connect
        transport, _ = await loop.create_connection(asyncio.Protocol, "127.0.0.1", port)
        transport.close()

    run(main())


def test_another_class_of_sockets_is_used(run, port, monkeypatch):
    class Forbidden(socket.socket):
        def __new__(cls, *args, **kwargs):
            raise RuntimeError("no sockets in this test")

    async def main():
        monkeypatch.setattr(socket, "socket", Forbidden)
        with pytest.raises(RuntimeError, match="no sockets"):
            await asyncio.open_connection("127.0.0.1", port)
        monkeypatch.undo()

    run(main())


def test_a_refused_connection(run, closed_port):
    async def main():
        with pytest.raises(ConnectionRefusedError) as raised:
            await asyncio.open_connection("127.0.0.1", closed_port)
        assert raised.value.args[1] == f"Connect call failed ('127.0.0.1', {closed_port})"

    run(main())


def test_an_error_of_the_factory_closes_the_socket(kind, run, port):
    if kind == "asyncio" and sys.version_info < (3, 14):
        pytest.skip("asyncio leaves it to the collector before 3.14")

    def factory():
        raise ValueError("no protocol")

    async def main():
        loop = asyncio.get_running_loop()
        with pytest.raises(ValueError, match="no protocol"):
            await loop.create_connection(factory, "127.0.0.1", port)

    run(main())


def test_what_the_transport_knows(run, port):
    async def main():
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        assert writer.get_extra_info("peername") == ("127.0.0.1", port)
        host, own_port = writer.get_extra_info("sockname")
        assert host == "127.0.0.1"
        sock = writer.get_extra_info("socket")
        assert sock.getsockname() == (host, own_port)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.gettimeout() == 0
        writer.close()
        await writer.wait_closed()

    run(main())


def test_cancellation_before_connection_made_closes(run, port):
    made = []

    class Protocol(asyncio.Protocol):
        def connection_made(self, transport):
            made.append(transport)
            task.cancel()

    async def main():
        nonlocal task
        loop = asyncio.get_running_loop()
        task = loop.create_task(loop.create_connection(Protocol, "127.0.0.1", port))
        with pytest.raises(asyncio.CancelledError):
            await task
        assert made[0].is_closing()

    task = None
    run(main())


def test_ipv6(run):
    with contextlib.ExitStack() as stack:
        try:
            listening = stack.enter_context(
                socket.create_server(("::1", 0), family=socket.AF_INET6)
            )
        except OSError:
            pytest.skip("no IPv6 here")
        port = listening.getsockname()[1]

        async def main():
            _, writer = await asyncio.open_connection("::1", port)
            assert writer.get_extra_info("peername") == ("::1", port, 0, 0)
            writer.close()
            await writer.wait_closed()

        run(main())
