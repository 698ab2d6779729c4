"""End of file in each direction: write_eof, eof_received and what it returns."""

import asyncio
import sys

import pytest

from .peers import (
    MORE_THAN_THE_KERNEL_TAKES,
    Recorder,
    patterned,
    read_exactly,
    read_to_end,
    wired,
)


class KeepsOpen(Recorder):
    """Goes on writing after the peer has finished."""

    def eof_received(self):
        super().eof_received()
        return True


def test_tcp_transports_can_write_eof(run, loop):
    async def main():
        async with wired(loop) as (transport, _, _):
            assert transport.can_write_eof() is True

    run(main())


def test_write_eof_ends_the_peers_stream_and_reading_goes_on(run, loop):
    async def main():
        async with wired(loop) as (transport, protocol, peer):
            transport.write(b"request")
            transport.write_eof()
            assert await read_to_end(loop, peer) == b"request"
            assert not transport.is_closing()
            peer.send(b"answer")
            assert await protocol.receive(6) == b"answer"
            peer.close()
            assert await protocol.lost is None

    run(main())


def test_write_eof_comes_after_what_is_still_buffered(run, loop):
    data = patterned(MORE_THAN_THE_KERNEL_TAKES)

    async def main():
        async with wired(loop) as (transport, _, peer):
            transport.write(data)
            transport.write_eof()
            assert transport.get_write_buffer_size() > 0
            assert await read_to_end(loop, peer) == data

    run(main())


def test_nothing_may_be_written_after_write_eof(run, loop):
    async def main():
        async with wired(loop) as (transport, _, peer):
            transport.write_eof()
            with pytest.raises(RuntimeError) as info:
                transport.write(b"too late")
            assert str(info.value) == "Cannot call write() after write_eof()"
            with pytest.raises(RuntimeError) as info:
                transport.writelines([b"too late"])
            # Up to Python 3.11 writelines() is one write(), and says so.
            named = "writelines" if sys.version_info >= (3, 12) else "write"
            assert str(info.value) == f"Cannot call {named}() after write_eof()"
            assert await read_to_end(loop, peer) == b""

    run(main())


def test_write_eof_twice_or_after_close_is_harmless(run, loop):
    async def main():
        async with wired(loop) as (transport, protocol, peer):
            transport.write_eof()
            transport.write_eof()
            assert await read_to_end(loop, peer) == b""
            transport.close()
            transport.write_eof()
            assert await protocol.lost is None

    run(main())


@pytest.mark.parametrize("answer", [None, False, 0])
def test_false_from_eof_received_closes_the_transport(run, loop, answer):
    class Closes(Recorder):
        def eof_received(self):
            super().eof_received()
            assert not self.transport.is_closing()
            return answer

    async def main():
        async with wired(loop, Closes) as (transport, protocol, peer):
            peer.send(b"last")
            peer.close()
            assert await protocol.lost is None
            assert transport.is_closing()
            assert protocol.calls == [
                "connection_made",
                "data_received",
                "eof_received",
                "connection_lost",
            ]
            assert protocol.received == b"last"

    run(main())


def test_false_from_eof_received_flushes_what_is_buffered(run, loop):
    data = patterned(MORE_THAN_THE_KERNEL_TAKES)

    async def main():
        async with wired(loop) as (transport, protocol, peer):
            transport.write(data)
            peer.shutdown(1)
            await protocol.ended
            assert transport.is_closing()
            assert await read_to_end(loop, peer) == data
            assert await protocol.lost is None

    run(main())


def test_true_from_eof_received_keeps_the_transport_writing(run, loop):
    async def main():
        async with wired(loop, KeepsOpen) as (transport, protocol, peer):
            peer.shutdown(1)
            await protocol.ended
            for _ in range(5):
                await asyncio.sleep(0)
            assert not transport.is_closing()
            assert protocol.calls == ["connection_made", "eof_received"]
            transport.write(b"still writing")
            assert await read_exactly(loop, peer, 13) == b"still writing"
            transport.close()
            assert await read_to_end(loop, peer) == b""
            assert await protocol.lost is None
            assert protocol.calls == ["connection_made", "eof_received", "connection_lost"]

    run(main())


def test_kept_open_transport_does_not_spin_the_loop(run, loop):
    async def main():
        async with wired(loop, KeepsOpen) as (_, protocol, peer):
            peer.shutdown(1)
            await protocol.ended
            turns = 0

            def count():
                nonlocal turns, timer
                turns += 1
                timer = loop.call_later(0.01, count)

            # A descriptor reported ready for ever would call eof_received again and again.
            timer = loop.call_later(0.01, count)
            while turns < 5:
                await asyncio.sleep(0.01)
            timer.cancel()
            assert protocol.calls.count("eof_received") == 1

    run(main())


def test_both_ends_closing_their_halves_one_after_the_other(run, loop):
    async def main():
        async with wired(loop, KeepsOpen) as (transport, protocol, peer):
            transport.write_eof()
            assert await read_to_end(loop, peer) == b""
            peer.send(b"answer")
            peer.shutdown(1)
            await protocol.ended
            assert protocol.received == b"answer"
            assert not transport.is_closing()
            transport.close()
            assert await protocol.lost is None

    run(main())


def test_exception_in_eof_received_drops_the_connection(run, loop, reported):
    class Fails(Recorder):
        def eof_received(self):
            super().eof_received()
            raise ArithmeticError("in eof_received")

    async def main():
        async with wired(loop, Fails) as (transport, protocol, peer):
            peer.shutdown(1)
            lost = await protocol.lost
            assert isinstance(lost, ArithmeticError)
            context = reported.take_one()
            assert context["message"] == "Fatal error: protocol.eof_received() call failed."
            assert context["exception"] is lost
            assert context["transport"] is transport
            assert context["protocol"] is protocol

    run(main())
