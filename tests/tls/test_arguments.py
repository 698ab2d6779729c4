"""Arguments about TLS that make no sense: asyncio's exceptions, and nothing left open."""

import asyncio
import gc
import re
import socket
import ssl
import warnings

import pytest
from network.peers import Recorder, tcp_pair

from .peers import BarePeer, secure

WITHOUT_TLS = [
    ("server_hostname", "localhost"),
    ("ssl_handshake_timeout", 1.0),
    ("ssl_shutdown_timeout", 1.0),
]


@pytest.mark.parametrize(("name", "value"), WITHOUT_TLS)
@pytest.mark.parametrize("off", [None, False])
def test_create_connection_without_tls(run, loop, name, value, off):
    async def main():
        with pytest.raises(ValueError, match=f"^{name} is only meaningful with ssl$"):
            await loop.create_connection(Recorder, "127.0.0.1", 1, ssl=off, **{name: value})

    run(main())


@pytest.mark.parametrize(("name", "value"), WITHOUT_TLS[1:])
def test_create_server_without_tls(run, loop, name, value):
    async def main():
        with pytest.raises(ValueError, match=f"^{name} is only meaningful with ssl$"):
            await loop.create_server(Recorder, "127.0.0.1", 0, **{name: value})

    run(main())


@pytest.mark.parametrize(("name", "value"), WITHOUT_TLS[1:])
@pytest.mark.parametrize("off", [None, False])
def test_connect_accepted_socket_without_tls(run, loop, name, value, off):
    async def main():
        near, far = tcp_pair()
        with near, far:
            with pytest.raises(ValueError, match=f"^{name} is only meaningful with ssl$"):
                await loop.connect_accepted_socket(Recorder, near, ssl=off, **{name: value})

    run(main())


def test_tls_without_a_name_to_expect(run, loop, contexts):
    text = "You must set server_hostname when using ssl without a host"

    async def main():
        near, far = tcp_pair()
        with near, far:
            for arguments in ({"sock": near}, {"host": "", "port": 1}, {"port": 1}):
                with pytest.raises(ValueError, match=f"^{text}$"):
                    await loop.create_connection(Recorder, ssl=contexts[1], **arguments)

    run(main())


@pytest.mark.parametrize("flag", [True, False])
def test_servers_want_a_context_not_a_flag(run, loop, flag):
    async def main():
        with pytest.raises(TypeError, match="^ssl argument must be an SSLContext or None$"):
            await loop.create_server(Recorder, "127.0.0.1", 0, ssl=flag)

    run(main())


def test_accepted_sockets_want_a_context_not_true(run, loop):
    async def main():
        near, far = tcp_pair()
        with near, far:
            with pytest.raises(ValueError, match="^Server side SSL needs a valid SSLContext$"):
                await loop.connect_accepted_socket(Recorder, near, ssl=True)

    run(main())


@pytest.mark.parametrize("name", ["ssl_handshake_timeout", "ssl_shutdown_timeout"])
@pytest.mark.parametrize("value", [0, -1, -0.5, 0.0])
def test_timeouts_must_be_positive(run, loop, contexts, side, name, value, count_descriptors):
    async def main():
        before = count_descriptors()
        near, far = tcp_pair()
        with near, far:
            text = re.escape(f"{name} should be a positive number, got {value}")
            with pytest.raises(ValueError, match=f"^{text}$"):
                await secure(loop, near, Recorder, contexts, side, **{name: value})
        assert count_descriptors() == before

    run(main())


@pytest.mark.parametrize("name", ["ssl_handshake_timeout", "ssl_shutdown_timeout"])
def test_timeouts_must_be_numbers(run, loop, contexts, side, name):
    async def main():
        near, far = tcp_pair()
        with near, far:
            with pytest.raises(TypeError, match="'<=' not supported between"):
                await secure(loop, near, Recorder, contexts, side, **{name: "soon"})

    run(main())


async def refused_connection(loop, reported, **options):
    """Connect to a server that cannot serve; return the context that it reports."""
    loop.set_debug(True)
    loop.slow_callback_duration = 60
    server = await loop.create_server(Recorder, "127.0.0.1", 0, **options)
    with socket.create_connection(server.sockets[0].getsockname()) as client:
        client.setblocking(False)
        with warnings.catch_warnings():
            # The standard library forgets the accepted socket instead of closing it.
            warnings.simplefilter("ignore", ResourceWarning)
            while not reported:
                await asyncio.sleep(0)
            context = reported.take_one()
            context["exception"].__traceback__ = None
            gc.collect()
        assert await loop.sock_recv(client, 1) == b""
    loop.set_debug(False)
    server.close()
    await server.wait_closed()
    assert context["message"] == "Error on transport creation for incoming connection"
    return context


def test_a_server_finds_bad_timeouts_at_each_connection(run, loop, contexts, reported):
    # asyncio checks them only where it starts to count: the server itself can be made.
    async def main():
        context = await refused_connection(
            loop, reported, ssl=contexts[0], ssl_handshake_timeout=-1
        )
        assert str(context["exception"]) == (
            "ssl_handshake_timeout should be a positive number, got -1"
        )

    run(main())


@pytest.mark.parametrize("wrong", ["context", 1, object()], ids=["str", "int", "object"])
def test_ssl_that_is_no_context(run, loop, wrong, count_descriptors):
    async def main():
        before = count_descriptors()
        near, far = tcp_pair()
        with near, far:
            with pytest.raises(AttributeError, match="wrap_bio"):
                await loop.create_connection(
                    Recorder, sock=near, ssl=wrong, server_hostname="localhost"
                )
        near, far = tcp_pair()
        with near, far:
            with pytest.raises(AttributeError, match="wrap_bio"):
                await loop.connect_accepted_socket(Recorder, near, ssl=wrong)
        assert count_descriptors() == before

    run(main())


def test_a_context_of_the_wrong_side(run, loop, contexts, side, count_descriptors):
    contexts[1].check_hostname = False  # A server has no name to check.

    async def main():
        before = count_descriptors()
        near, far = tcp_pair()
        with near, far:
            with pytest.raises(ssl.SSLError) as info:
                await secure(loop, near, Recorder, contexts[::-1], side)
            other = {"client": "server", "server": "client"}[side]
            assert str(info.value).startswith(
                f"Cannot create a {side} socket with a PROTOCOL_TLS_{other.upper()} context"
            )
        assert count_descriptors() == before

    run(main())


def test_a_server_with_a_clients_context(run, loop, contexts, reported):
    contexts[1].check_hostname = False  # A server has no name to check.

    # As with timeouts: asyncio finds it out when somebody connects.
    async def main():
        context = await refused_connection(loop, reported, ssl=contexts[1])
        assert isinstance(context["exception"], ssl.SSLError)
        assert "Cannot create a server socket" in str(context["exception"])

    run(main())


def test_sockets_that_are_wrapped_already_are_refused(run, loop, contexts):
    async def main():
        near, far = tcp_pair()
        wrapped = contexts[1].wrap_socket(
            near, server_hostname="localhost", do_handshake_on_connect=False
        )
        with wrapped, far:
            with pytest.raises(TypeError, match="^Socket cannot be of type SSLSocket$"):
                await loop.create_connection(
                    Recorder, sock=wrapped, ssl=contexts[1], server_hostname="localhost"
                )
            with pytest.raises(TypeError, match="^Socket cannot be of type SSLSocket$"):
                await loop.connect_accepted_socket(Recorder, wrapped, ssl=contexts[0])
            with pytest.raises(TypeError, match="^Socket cannot be of type SSLSocket$"):
                await loop.create_server(Recorder, sock=wrapped, ssl=contexts[0])

    run(main())


def test_a_datagram_socket_is_refused(run, loop, contexts):
    async def main():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            with pytest.raises(ValueError, match="^A Stream Socket was expected, got <socket"):
                await loop.connect_accepted_socket(Recorder, sock, ssl=contexts[0])

    run(main())


@pytest.mark.parametrize("name", ["a\0b", "a" * 64 + ".example", ".leading"])
def test_names_that_no_host_can_have(run, loop, contexts, name, count_descriptors):
    async def main():
        before = count_descriptors()
        near, far = tcp_pair()
        with near, far:
            with pytest.raises((TypeError, ValueError, ssl.SSLError)) as info:
                await secure(loop, near, Recorder, contexts, "client", server_hostname=name)
            # The same exception as from the standard library's own object.
            with pytest.raises(type(info.value)) as reference:
                BarePeer(loop, far, contexts[1], server_hostname=name)
            assert str(reference.value) == str(info.value)
        assert count_descriptors() == before

    run(main())


def test_a_factory_that_fails(run, loop, contexts, side, count_descriptors):
    def fails():
        raise ArithmeticError("in the factory")

    async def main():
        before = count_descriptors()
        near, far = tcp_pair()
        with near, far:
            with pytest.raises(ArithmeticError, match="in the factory"):
                await secure(loop, near, fails, contexts, side)
        assert count_descriptors() == before

    run(main())
