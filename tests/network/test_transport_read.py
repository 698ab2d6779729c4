"""Receiving: data_received, pause_reading and resume_reading, changing the protocol."""

import asyncio
import socket

import pytest

from .peers import (
    MORE_THAN_THE_KERNEL_TAKES,
    Recorder,
    offered,
    patterned,
    tcp_pair,
    wired,
)


def test_data_received_gets_bytes(run, loop):
    kinds = set()

    class Kinds(Recorder):
        def data_received(self, data):
            kinds.add(type(data))
            super().data_received(data)

    async def main():
        async with wired(loop, Kinds) as (_, protocol, peer):
            peer.send(b"hello")
            assert await protocol.receive(5) == b"hello"

    run(main())
    assert kinds == {bytes}


def test_large_stream_arrives_whole_and_in_order(run, loop):
    data = patterned(MORE_THAN_THE_KERNEL_TAKES)

    async def main():
        async with wired(loop) as (_, protocol, peer):
            sending = asyncio.ensure_future(loop.sock_sendall(peer, data))
            assert await protocol.receive(len(data)) == data
            await sending

    run(main())


def test_nothing_is_read_before_connection_made(run, loop):
    async def main():
        async with wired(loop) as (_, protocol, peer):
            peer.send(b"early")
            await protocol.receive(5)
            assert protocol.calls == ["connection_made", "data_received"]

    run(main())


def test_pause_reading_holds_data_back_until_resumed(run, loop):
    async def main():
        async with wired(loop) as (transport, protocol, peer):
            assert transport.is_reading()
            transport.pause_reading()
            assert not transport.is_reading()
            peer.send(b"held back")
            await offered(transport)
            assert protocol.received == b""
            transport.resume_reading()
            assert transport.is_reading()
            assert await protocol.receive(9) == b"held back"

    run(main())


def test_pausing_and_resuming_are_idempotent(run, loop):
    async def main():
        async with wired(loop) as (transport, protocol, peer):
            transport.resume_reading()
            assert transport.is_reading()
            transport.pause_reading()
            transport.pause_reading()
            assert not transport.is_reading()
            transport.resume_reading()
            transport.resume_reading()
            peer.send(b"x")
            assert await protocol.receive(1) == b"x"

    run(main())


def test_pausing_in_connection_made_delivers_nothing(run, loop):
    class StartsPaused(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.pause_reading()

    async def main():
        async with wired(loop, StartsPaused) as (transport, protocol, peer):
            peer.send(b"x")
            await offered(transport)
            assert protocol.calls == ["connection_made"]
            transport.resume_reading()
            assert await protocol.receive(1) == b"x"

    run(main())


def test_pausing_in_data_received_stops_the_stream_there(run, loop):
    data = patterned(MORE_THAN_THE_KERNEL_TAKES)
    calls = []

    class OneAtATime(Recorder):
        def data_received(self, data):
            assert self.transport.is_reading()
            super().data_received(data)
            calls.append(len(data))
            self.transport.pause_reading()

    async def main():
        async with wired(loop, OneAtATime) as (transport, protocol, peer):
            sending = asyncio.ensure_future(loop.sock_sendall(peer, data))
            while len(protocol.received) < len(data):
                before = len(calls)
                while len(calls) == before:
                    await asyncio.sleep(0)
                for _ in range(3):
                    await asyncio.sleep(0)
                assert len(calls) == before + 1
                transport.resume_reading()
            await sending
            assert protocol.received == data

    run(main())


def test_end_of_file_waits_while_reading_is_paused(run, loop):
    async def main():
        async with wired(loop) as (transport, protocol, peer):
            transport.pause_reading()
            peer.close()
            await offered(transport)
            assert protocol.calls == ["connection_made"]
            transport.resume_reading()
            assert await protocol.lost is None
            assert protocol.calls == ["connection_made", "eof_received", "connection_lost"]

    run(main())


def test_closed_transport_is_not_reading(run, loop):
    async def main():
        async with wired(loop) as (transport, protocol, peer):
            transport.close()
            assert not transport.is_reading()
            transport.pause_reading()
            transport.resume_reading()
            assert not transport.is_reading()
            peer.send(b"too late")
            await protocol.lost
            assert protocol.calls == ["connection_made", "connection_lost"]

    run(main())


def test_set_protocol_redirects_what_comes_next(run, loop):
    async def main():
        async with wired(loop) as (transport, first, peer):
            assert transport.get_protocol() is first
            peer.send(b"one")
            await first.receive(3)
            second = Recorder()
            second.connection_made(transport)
            transport.set_protocol(second)
            assert transport.get_protocol() is second
            peer.send(b"two")
            assert await second.receive(3) == b"two"
            assert first.received == b"one"
            transport.close()
            await second.lost
            assert "connection_lost" not in first.calls
            first.connection_lost(None)

    run(main())


def test_set_protocol_inside_data_received(run, loop):
    async def main():
        second = Recorder()

        class HandsOver(Recorder):
            def data_received(self, data):
                super().data_received(data)
                second.connection_made(self.transport)
                self.transport.set_protocol(second)

        async with wired(loop, HandsOver) as (transport, first, peer):
            peer.send(b"one")
            await first.receive(3)
            peer.send(b"two")
            assert await second.receive(3) == b"two"
            transport.close()
            await second.lost
            first.connection_lost(None)

    run(main())


@pytest.mark.parametrize("how", ["close", "abort"])
def test_closing_in_data_received_delivers_no_more(run, loop, how):
    class Closes(Recorder):
        def data_received(self, data):
            super().data_received(data)
            getattr(self.transport, how)()

    async def main():
        async with wired(loop, Closes) as (_, protocol, peer):
            peer.send(b"x")
            assert await protocol.lost is None
            assert protocol.calls == ["connection_made", "data_received", "connection_lost"]

    run(main())


@pytest.mark.parametrize("family", [socket.AF_UNIX, socket.AF_INET])
def test_one_turn_reads_once_and_the_end_comes_in_a_later_one(run, loop, family):
    turns = []
    near, far = socket.socketpair() if family == socket.AF_UNIX else tcp_pair()
    near.setblocking(False)

    class Turns(Recorder):
        def data_received(self, data):
            super().data_received(data)
            turns.append((bytes(data), turn))
            if data == b"first":
                # Both are there when the loop polls next.
                far.send(b"last")
                far.close()

        def eof_received(self):
            turns.append((b"", turn))
            return super().eof_received()

    turn = 0

    def count():
        nonlocal turn
        turn += 1
        loop.call_soon(count)

    async def main():
        transport, protocol = await loop.create_connection(Turns, sock=near)
        count()
        far.send(b"first")
        await protocol.lost
        assert transport.is_closing()

    run(main())
    (first, one), (last, two), (end, three) = turns
    assert (first, last, end) == (b"first", b"last", b"")
    assert (two - one, three - two) == (1, 1)
