"""Arguments that start_tls refuses, and what happens to the connection then."""

import asyncio
import contextlib
import re
import ssl

import pytest
from network.peers import Recorder, tcp_pair

from .peers import CHECKS_NEED_A_NAME


@pytest.fixture
def connected(loop):
    """``async with connected() as (transport, protocol)``: plain text, its peer silent."""

    @contextlib.asynccontextmanager
    async def connect():
        near, far = tcp_pair()
        with far:
            transport, protocol = await loop.create_connection(Recorder, sock=near)
            try:
                yield transport, protocol, far
            finally:
                transport.abort()
                await protocol.lost

    return connect


@pytest.mark.parametrize("wrong", [None, True, "context", object()], ids=repr)
def test_what_is_no_context(run, loop, connected, wrong):
    async def main():
        async with connected() as (transport, protocol, far):
            text = f"sslcontext is expected to be an instance of ssl.SSLContext, got {wrong!r}"
            with pytest.raises(TypeError, match=f"^{re.escape(text)}$"):
                await loop.start_tls(transport, protocol, wrong)
            # The connection goes on as it was.
            await loop.sock_sendall(far, b"plain")
            assert await protocol.receive(5) == b"plain"

    run(main())


@pytest.mark.parametrize("wrong", [None, "transport", asyncio.Transport()], ids=repr)
def test_what_is_no_transport_that_can(run, loop, contexts, wrong):
    async def main():
        text = f"transport {wrong!r} is not supported by start_tls()"
        with pytest.raises(TypeError, match=f"^{re.escape(text)}$"):
            await loop.start_tls(wrong, Recorder(), contexts[1])

    run(main())


def test_the_context_is_looked_at_first(run, loop):
    async def main():
        with pytest.raises(TypeError, match="^sslcontext is expected"):
            await loop.start_tls(None, None, None)

    run(main())


@pytest.mark.parametrize("name", ["ssl_handshake_timeout", "ssl_shutdown_timeout"])
@pytest.mark.parametrize("value", [0, -1])
def test_timeouts_must_be_positive(run, loop, contexts, connected, name, value):
    async def main():
        async with connected() as (transport, protocol, far):
            with pytest.raises(
                ValueError, match=f"^{name} should be a positive number, got {value}$"
            ):
                await loop.start_tls(
                    transport, protocol, contexts[1], server_hostname="x", **{name: value}
                )
            assert transport.is_reading()
            await loop.sock_sendall(far, b"plain")
            assert await protocol.receive(5) == b"plain"

    run(main())


@pytest.mark.parametrize("server_side", [True, False])
def test_a_context_of_the_wrong_side(run, loop, contexts, connected, server_side):
    context = contexts[0] if not server_side else contexts[1]
    context.check_hostname = False  # A server has no name to check.

    async def main():
        async with connected() as (transport, protocol, far):
            with pytest.raises(ssl.SSLError, match="^Cannot create a (server|client) socket"):
                await loop.start_tls(transport, protocol, context, server_side=server_side)
            await loop.sock_sendall(far, b"plain")
            assert await protocol.receive(5) == b"plain"

    run(main())


def test_options_are_keywords(run, loop, contexts, connected):
    async def main():
        async with connected() as (transport, protocol, _):
            with pytest.raises(TypeError, match="positional argument"):
                await loop.start_tls(transport, protocol, contexts[0], True)

    run(main())


def test_a_server_ignores_the_name(run, loop, contexts):
    async def main():
        near, far = tcp_pair()
        ends = [
            await loop.create_connection(Recorder, sock=near),
            await loop.create_connection(Recorder, sock=far),
        ]
        client, server = await asyncio.gather(
            loop.start_tls(*ends[0], contexts[1], server_hostname="localhost"),
            loop.start_tls(
                *ends[1], contexts[0], server_side=True, server_hostname="not looked at"
            ),
        )
        assert server.get_extra_info("ssl_object").server_hostname is None
        client.abort()
        server.abort()
        for _, protocol in ends:
            await protocol.lost

    run(main())


@pytest.mark.skipif(CHECKS_NEED_A_NAME, reason="this Python's ssl refuses it")
def test_a_client_without_a_name_compares_none(run, loop, certificates, contexts):
    contexts[0].load_cert_chain(certificates.other_server)

    async def main():
        near, far = tcp_pair()
        ends = [
            await loop.create_connection(Recorder, sock=near),
            await loop.create_connection(Recorder, sock=far),
        ]
        client, server = await asyncio.gather(
            loop.start_tls(*ends[0], contexts[1]),
            loop.start_tls(*ends[1], contexts[0], server_side=True),
        )
        assert client.get_extra_info("peercert")["subject"]
        client.abort()
        server.abort()
        for _, protocol in ends:
            await protocol.lost

    run(main())


@pytest.mark.skipif(not CHECKS_NEED_A_NAME, reason="this Python's ssl allows it")
def test_a_client_that_checks_names_needs_one(run, loop, contexts, connected):
    async def main():
        async with connected() as (transport, protocol, far):
            with pytest.raises(ValueError, match="^check_hostname requires server_hostname$"):
                await loop.start_tls(transport, protocol, contexts[1])
            await loop.sock_sendall(far, b"plain")
            assert await protocol.receive(5) == b"plain"

    run(main())
