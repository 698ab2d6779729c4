"""Private names that CPython's own tests and known libraries read on TLS transports."""

import asyncio
import ssl
import sys

import pytest
from network.peers import Recorder, tcp_pair

from .peers import opposite, secure, turns


def test_what_makes_a_transport_upgradable(run, wired, loop):
    async def main():
        async with wired() as (transport, _, _):
            assert transport._start_tls_compatible is True
            assert transport._sendfile_compatible.name == "FALLBACK"
            assert transport._loop is loop
            assert transport._closed is False
            assert transport._protocol_paused is False
        assert transport._closed is True

    run(main())


def test_the_protocol_below(run, wired, contexts):
    async def main():
        async with wired() as (transport, protocol, _):
            below = transport._ssl_protocol
            assert below._app_protocol is protocol
            assert below._app_transport is transport
            assert below._sslcontext is contexts[1]
            assert below._server_side is False
            assert below._server_hostname == "localhost"
            assert below._state.name == "WRAPPED"
            assert below._sslobj is transport.get_extra_info("ssl_object")
            assert below._loop is transport._loop
            assert below._extra["sslcontext"] is contexts[1]

    run(main())


def test_the_transport_below(run, wired):
    async def main():
        async with wired() as (transport, _, peer):
            raw = transport._ssl_protocol._transport
            assert raw is not transport
            assert raw.get_extra_info("sockname") == peer.sock.getpeername()
            assert raw.get_protocol() is transport._ssl_protocol

    run(main())


def test_names_of_the_states(run, wired):
    async def main():
        async with wired() as (transport, protocol, peer):
            below = transport._ssl_protocol
            assert below._state.name == "WRAPPED"
            transport.close()
            assert below._state.name == "SHUTDOWN"
            await peer.unwrap()
            await protocol.lost
            assert below._state.name == "UNWRAPPED"
            assert below._transport is None

    run(main())


def test_after_the_connection_the_protocol_is_let_go(run, wired):
    async def main():
        async with wired() as (transport, protocol, _):
            below = transport._ssl_protocol
            transport.abort()
            await protocol.lost
            assert below._app_protocol is None
            assert below._app_transport is None

    run(main())


def test_timers_are_gone_when_they_are_not_needed(run, loop, contexts):
    async def main():
        near, far = tcp_pair()
        with far:
            peer = opposite(loop, far, contexts, "client")
            shaking = asyncio.ensure_future(peer.handshake())
            transport, protocol = await secure(loop, near, Recorder, contexts, "client")
            await shaking
            below = transport._ssl_protocol
            assert below._handshake_timeout_handle is None
            assert below._shutdown_timeout_handle is None
            transport.close()
            assert below._shutdown_timeout_handle is not None
            await peer.unwrap()
            await protocol.lost
            assert below._shutdown_timeout_handle is None

    run(main())


@pytest.mark.skipif(
    sys.version_info < (3, 13), reason="TypeError before 3.13: asyncio calls itself wrongly"
)
def test_force_close_gives_its_exception_to_the_protocol(run, wired):
    async def main():
        async with wired() as (transport, protocol, _):
            failure = ArithmeticError("from outside")
            transport._force_close(failure)
            assert transport.is_closing()
            assert await protocol.lost is failure

    run(main())


def test_append_write_backlog_is_sent_with_the_next_write(run, wired):
    # For CPython's tests only: it puts plain text into the buffer without writing it.
    async def main():
        async with wired() as (transport, protocol, peer):
            # Tickets of TLS 1.3 are out of the way: reading them would write, too.
            await peer.send(b"x")
            await protocol.receive(1)
            transport._test__append_write_backlog(b"kept ")
            assert transport.get_write_buffer_size() == 5
            await turns(3)
            with pytest.raises(BlockingIOError):
                peer.sock.recv(1)
            transport.write(b"together")
            assert await peer.receive(13) == b"kept together"
            assert transport.get_write_buffer_size() == 0

    run(main())


def test_the_object_is_the_contexts_own_kind(run, loop, certificates):
    class Object(ssl.SSLObject):
        pass

    contexts = certificates.server_context(), certificates.client_context()
    contexts[1].sslobject_class = Object

    async def main():
        near, far = tcp_pair()
        with far:
            peer = opposite(loop, far, contexts, "client")
            shaking = asyncio.ensure_future(peer.handshake())
            transport, protocol = await secure(loop, near, Recorder, contexts, "client")
            await shaking
            assert type(transport.get_extra_info("ssl_object")) is Object
            await peer.send(b"x")
            assert await protocol.receive(1) == b"x"
            transport.abort()
            await protocol.lost

    run(main())
