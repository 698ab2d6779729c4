"""BufferedProtocol over TLS: the protocol lends the memory that plain text is written to."""

import asyncio
import gc
import sys

import pytest
from network.peers import Recorder, patterned

from .peers import turns


class BufferedRecorder(Recorder, asyncio.BufferedProtocol):
    """A Recorder that receives through a buffer of its own of `size` bytes."""

    size = 1024

    def __init__(self):
        super().__init__()
        self.buffer = bytearray(self.size)
        self.updates = []

    def get_buffer(self, sizehint):
        assert isinstance(sizehint, int)
        return memoryview(self.buffer)

    def buffer_updated(self, nbytes):
        self.updates.append(nbytes)
        super().data_received(self.buffer[:nbytes])

    def data_received(self, data):
        raise AssertionError("a BufferedProtocol has no data_received")


def with_buffer_of(size):
    return type("Sized", (BufferedRecorder,), {"size": size})


def test_data_goes_through_the_protocols_buffer(run, wired, side):
    async def main():
        async with wired(side, BufferedRecorder) as (_, protocol, peer):
            await peer.send(b"hello")
            assert await protocol.receive(5) == b"hello"
            assert protocol.buffer[:5] == b"hello"
            assert protocol.updates == [5]

    run(main())


@pytest.mark.parametrize("size", [1, 7, 1024, 16 * 1024, 100_000])
def test_more_than_the_buffer_holds_comes_in_turns(run, wired, size):
    data = patterned(size * 20 if size > 1 else 200)

    async def main():
        async with wired("client", with_buffer_of(size)) as (_, protocol, peer):
            sending = asyncio.ensure_future(peer.send(data))
            assert await protocol.receive(len(data)) == data
            await sending
            assert max(protocol.updates) <= size
            assert min(protocol.updates) > 0

    run(main(), deadline=25)


def test_a_buffer_is_filled_from_several_records(run, wired):
    async def main():
        async with wired("client", BufferedRecorder) as (_, protocol, peer):
            peer.sock.send(b"".join(peer.encrypt(b"0123456789") for _ in range(10)))
            assert await protocol.receive(100) == b"0123456789" * 10
            assert protocol.updates == [100]

    run(main())


def test_filling_from_several_records_leaves_nothing_behind(run, wired):
    rounds = 100

    async def main():
        async with wired("client", with_buffer_of(100_000)) as (_, protocol, peer):

            async def exchange():
                for _ in range(rounds):
                    peer.sock.send(b"".join(peer.encrypt(bytes(500)) for _ in range(10)))
                    await protocol.receive(5_000)
                    protocol.received.clear()
                    protocol.updates.clear()
                gc.collect()
                return sys.getallocatedblocks()

            await exchange()
            before = await exchange()
            # Less than one object for each round, in which the buffer is filled ten times.
            assert await exchange() - before < rounds

    run(main())


def test_end_of_the_stream(run, wired):
    async def main():
        async with wired("client", BufferedRecorder) as (_, protocol, peer):
            await peer.send(b"last words")
            await peer.say_goodbye()
            assert await protocol.lost is None
            assert protocol.calls == [
                "connection_made",
                "data_received",
                "eof_received",
                "connection_lost",
            ]

    run(main())


def test_what_a_protocol_keeps_it_may_take_later(run, wired):
    # A protocol that hands out the rest of one buffer each time, as asyncio documents.
    class Accumulates(BufferedRecorder):
        size = 64

        def get_buffer(self, sizehint):
            return memoryview(self.buffer)[sum(self.updates) % self.size :]

        def buffer_updated(self, nbytes):
            at = sum(self.updates) % self.size
            self.updates.append(nbytes)
            self.calls.append("data_received")
            self.received += self.buffer[at : at + nbytes]
            self._arrival.set()

    data = patterned(1000)

    async def main():
        async with wired("client", Accumulates) as (_, protocol, peer):
            await peer.send(data)
            assert await protocol.receive(1000) == data

    run(main())


class BreaksLater(BufferedRecorder):
    """Sound at first: the loop asks for a buffer before anything has arrived."""

    broken = False

    def get_buffer(self, sizehint):
        return self.break_down() if self.broken else super().get_buffer(sizehint)


async def failure(wired, protocol_class):
    """Send to a protocol that breaks down; return what connection_lost was given."""
    async with wired("client", protocol_class) as (transport, protocol, peer):
        protocol.broken = True
        await peer.send(b"x")
        lost = await protocol.lost
        assert transport.is_closing()
        assert protocol.received == b""
        return lost


def test_exception_in_get_buffer(run, wired, reported):
    class Fails(BreaksLater):
        def break_down(self):
            raise ArithmeticError("in get_buffer")

    lost = run(failure(wired, Fails))
    assert str(lost) == "in get_buffer"
    context = reported.take_one()
    assert context["message"] == "Fatal error on SSL protocol"
    assert context["exception"] is lost


def test_exception_in_buffer_updated(run, wired, reported):
    class Fails(BreaksLater):
        def buffer_updated(self, nbytes):
            raise ArithmeticError("in buffer_updated")

        def break_down(self):
            return self.buffer

    lost = run(failure(wired, Fails))
    assert str(lost) == "in buffer_updated"
    context = reported.take_one()
    assert context["message"] == "Fatal error on SSL protocol"
    assert context["exception"] is lost


@pytest.mark.parametrize("wrong", [None, 7, "text", b"read-only"])
def test_what_is_no_writable_buffer(run, wired, reported, wrong):
    class Wrong(BreaksLater):
        def break_down(self):
            return wrong

    lost = run(failure(wired, Wrong))
    assert type(lost) is TypeError
    context = reported.take_one()
    assert context["message"] == "Fatal error on SSL protocol"
    assert context["exception"] is lost


def test_changing_between_the_kinds_of_protocols(run, wired):
    async def main():
        async with wired("client", BufferedRecorder) as (transport, first, peer):
            await peer.send(b"first")
            assert await first.receive(5) == b"first"
            second = Recorder()
            second.connection_made(transport)
            transport.set_protocol(second)
            await peer.send(b"second")
            assert await second.receive(6) == b"second"
            third = BufferedRecorder()
            third.connection_made(transport)
            transport.set_protocol(third)
            await peer.send(b"third")
            assert await third.receive(5) == b"third"
            assert first.updates == [5]
            transport.abort()
            assert await third.lost is None
            first.lost.set_result(None)

    run(main())


def test_pausing_stops_the_updates(run, wired):
    class PausesEachTime(BufferedRecorder):
        size = 10

        def buffer_updated(self, nbytes):
            super().buffer_updated(nbytes)
            self.transport.pause_reading()

    async def main():
        async with wired("client", PausesEachTime) as (transport, protocol, peer):
            await peer.send(patterned(30))
            for expected in (10, 20, 30):
                await protocol.receive(expected)
                await turns(5)
                assert len(protocol.received) == expected
                transport.resume_reading()
            assert protocol.received == patterned(30)

    run(main())
