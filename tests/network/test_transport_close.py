"""The end of a transport: close, abort, a peer's reset, writing after the end, forgetting it."""

import asyncio
import errno
import gc
import socket
import warnings
import weakref

import pytest

from .peers import (
    MORE_THAN_THE_KERNEL_TAKES,
    Recorder,
    patterned,
    read_to_end,
    reset,
    tcp_pair,
    wired,
)


def test_close_tells_the_protocol_in_a_later_turn(run, loop):
    async def main():
        async with wired(loop) as (transport, protocol, _):
            assert not transport.is_closing()
            transport.close()
            assert transport.is_closing()
            assert protocol.calls == ["connection_made"]
            assert await protocol.lost is None
            assert protocol.calls == ["connection_made", "connection_lost"]

    run(main())


def test_close_flushes_what_is_buffered(run, loop):
    data = patterned(MORE_THAN_THE_KERNEL_TAKES)

    async def main():
        async with wired(loop) as (transport, protocol, peer):
            transport.write(data)
            transport.close()
            assert not protocol.lost.done()
            assert await read_to_end(loop, peer) == data
            assert await protocol.lost is None
            assert transport.get_write_buffer_size() == 0

    run(main())


def test_writing_between_close_and_the_flush_is_still_sent(run, loop):
    data = patterned(MORE_THAN_THE_KERNEL_TAKES)

    async def main():
        async with wired(loop) as (transport, _, peer):
            transport.write(data)
            transport.close()
            transport.write(b"appended")
            assert await read_to_end(loop, peer) == data + b"appended"

    run(main())


def test_closing_again_is_harmless(run, loop):
    async def main():
        async with wired(loop) as (transport, protocol, _):
            transport.close()
            transport.close()
            transport.abort()
            await protocol.lost
            transport.close()
            transport.abort()
            for _ in range(3):
                await asyncio.sleep(0)
            assert protocol.calls == ["connection_made", "connection_lost"]

    run(main())


def test_abort_throws_away_what_is_buffered(run, loop):
    data = patterned(MORE_THAN_THE_KERNEL_TAKES)

    async def main():
        async with wired(loop) as (transport, protocol, peer):
            transport.write(data)
            transport.abort()
            assert transport.is_closing()
            assert transport.get_write_buffer_size() == 0
            assert await protocol.lost is None
            received = await read_to_end(loop, peer)
            assert data.startswith(received)
            assert len(received) < len(data)

    run(main())


def test_abort_cuts_a_pending_close_short(run, loop):
    async def main():
        async with wired(loop) as (transport, protocol, _):
            transport.write(patterned(MORE_THAN_THE_KERNEL_TAKES))
            transport.close()
            await asyncio.sleep(0)
            assert not protocol.lost.done()
            transport.abort()
            assert await protocol.lost is None

    run(main())


def test_closing_in_connection_made(run, loop):
    class Refuses(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.close()

    async def main():
        async with wired(loop, Refuses) as (_, protocol, peer):
            assert await protocol.lost is None
            assert await read_to_end(loop, peer) == b""
            assert protocol.calls == ["connection_made", "connection_lost"]

    run(main())


def test_peers_reset_is_given_to_connection_lost(run, loop):
    async def main():
        async with wired(loop) as (transport, protocol, peer):
            reset(peer)
            lost = await protocol.lost
            assert type(lost) is ConnectionResetError
            assert lost.errno == errno.ECONNRESET
            assert protocol.calls == ["connection_made", "connection_lost"]
            assert transport.is_closing()

    run(main())


def test_peers_reset_while_writing_is_given_to_connection_lost(run, loop):
    async def main():
        async with wired(loop) as (transport, protocol, peer):
            transport.pause_reading()
            transport.write(patterned(MORE_THAN_THE_KERNEL_TAKES))
            reset(peer)
            lost = await protocol.lost
            assert type(lost) in (ConnectionResetError, BrokenPipeError)
            assert transport.get_write_buffer_size() == 0

    run(main())


def test_writing_to_a_lost_connection_warns_from_the_fifth_write_on(run, loop, logged):
    async def main():
        async with wired(loop) as (transport, protocol, peer):
            reset(peer)
            await protocol.lost
            for _ in range(4):
                transport.write(b"x")
            assert logged.take() == []
            transport.write(b"x")
            assert logged.take_one().getMessage() == "socket.send() raised exception."
            transport.write(b"x")
            assert logged.take_one().levelname == "WARNING"

    run(main())


def test_writing_to_a_closed_transport_is_dropped_silently_at_first(run, loop, logged):
    async def main():
        async with wired(loop) as (transport, protocol, peer):
            transport.close()
            transport.write(b"too late")
            await protocol.lost
            transport.write(b"too late")
            assert await read_to_end(loop, peer) == b""

    run(main())


def test_exception_in_connection_lost_is_reported_and_the_socket_closed(run, loop, reported):
    class Fails(Recorder):
        def connection_lost(self, exc):
            super().connection_lost(exc)
            raise ArithmeticError("in connection_lost")

    async def main():
        async with wired(loop, Fails) as (transport, protocol, peer):
            transport.close()
            await protocol.lost
            assert await read_to_end(loop, peer) == b""
            context = reported.take_one()
            assert isinstance(context["exception"], ArithmeticError)
            assert context["message"].startswith("Exception in callback ")

    run(main())


def test_lost_transport_closes_its_socket(run, loop):
    async def main():
        near, far = tcp_pair()
        with far:
            transport, protocol = await loop.create_connection(Recorder, sock=near)
            descriptor = near.fileno()
            transport.close()
            assert near.fileno() == descriptor
            await protocol.lost
            assert near.fileno() == -1

    run(main())


def test_forgotten_transport_warns_and_closes_its_socket(loop, loop_factory):
    other = loop_factory()
    near, far = tcp_pair()
    with far:
        transport, protocol = other.run_until_complete(
            other.create_connection(asyncio.Protocol, sock=near)
        )
        del near
        # A closed loop no longer holds the transport, so nothing but the test does.
        other.close()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del transport, protocol
            gc.collect()
        texts = [str(warning.message) for warning in caught]
        assert any(text.startswith("unclosed transport <") for text in texts), texts
        far.settimeout(10)
        assert far.recv(1) == b""


def test_live_transport_needs_no_outside_reference(run, loop):
    async def main():
        near, far = tcp_pair()
        with far:
            _, protocol = await loop.create_connection(Recorder, sock=near)
            received = protocol.received
            lost = protocol.lost
            del near, protocol, _
            gc.collect()
            far.send(b"anyone there?")
            far.shutdown(socket.SHUT_WR)
            await lost
            assert received == b"anyone there?"

    run(main())


@pytest.mark.parametrize("how", ["close", "abort"])
def test_closed_transport_lets_its_protocol_go(run, loop, how):
    async def main():
        near, far = tcp_pair()
        with far:
            transport, protocol = await loop.create_connection(Recorder, sock=near)
            getattr(transport, how)()
            await protocol.lost
            await asyncio.sleep(0)
            weak = weakref.ref(protocol)
            del protocol
            gc.collect()
            assert weak() is None
            assert transport.is_closing()

    run(main())
