"""Backpressure from a slow peer: the size of the buffer, its limits, pause and resume."""

import pytest
from network.peers import MORE_THAN_THE_KERNEL_TAKES, Recorder, patterned, reset

from .peers import turns

#: More than the kernel, the socket's transport and the default limit of TLS take together.
TOO_MUCH = MORE_THAN_THE_KERNEL_TAKES


async def fill(transport, protocol, piece=64 * 1024):
    """Write until the protocol is asked to pause; return what was written."""
    written = bytearray()
    pattern = patterned(piece)
    while protocol.calls[-1] != "pause_writing":
        transport.write(pattern)
        written += pattern
        assert len(written) < 4 * TOO_MUCH, "never asked to pause"
    return bytes(written)


def test_default_limits(run, wired):
    async def main():
        async with wired() as (transport, _, _):
            assert transport.get_write_buffer_limits() == (128 * 1024, 512 * 1024)
            assert transport.get_write_buffer_size() == 0

    run(main())


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"high": 1000}, (250, 1000)),
        ({"low": 1000}, (1000, 4000)),
        ({"high": 1000, "low": 10}, (10, 1000)),
        ({"high": 5, "low": 5}, (5, 5)),
        ({}, (128 * 1024, 512 * 1024)),
    ],
)
def test_setting_limits(run, wired, given, expected):
    async def main():
        async with wired() as (transport, protocol, _):
            transport.set_write_buffer_limits(high=1, low=0)
            transport.set_write_buffer_limits(**given)
            assert transport.get_write_buffer_limits() == expected
            assert protocol.calls == ["connection_made"]

    run(main())


@pytest.mark.parametrize(
    ("high", "low", "shown"),
    [(5, 6, (5, 6)), (-1, None, (-1, -1)), (10, -1, (10, -1)), (None, -1, (-4, -1))],
)
def test_limits_that_make_no_sense(run, wired, high, low, shown):
    async def main():
        async with wired() as (transport, _, _):
            before = transport.get_write_buffer_limits()
            with pytest.raises(ValueError) as info:
                transport.set_write_buffer_limits(high, low)
            assert str(info.value) == f"high ({shown[0]}) must be >= low ({shown[1]}) must be >= 0"
            assert transport.get_write_buffer_limits() == before

    run(main())


def test_writing_pauses_and_resumes(run, wired, side):
    async def main():
        async with wired(side) as (transport, protocol, peer):
            written = await fill(transport, protocol)
            assert transport.get_write_buffer_size() >= 512 * 1024
            assert await peer.receive(len(written)) == written
            await protocol.writable()
            assert transport.get_write_buffer_size() <= 128 * 1024
            assert protocol.calls == ["connection_made", "pause_writing", "resume_writing"]

    run(main())


def test_pausing_happens_inside_write(run, wired):
    async def main():
        async with wired() as (transport, protocol, _):
            transport.write(patterned(TOO_MUCH))
            transport.write(patterned(512 * 1024))
            # No turn of the loop in between.
            assert protocol.calls == ["connection_made", "pause_writing"]

    run(main())


def test_the_first_large_write_goes_to_the_socket_and_is_not_counted(run, wired):
    # The buffer of TLS holds what the transport of the socket does not take any more.
    async def main():
        async with wired() as (transport, protocol, _):
            transport.write(patterned(TOO_MUCH))
            assert transport.get_write_buffer_size() == 0
            assert protocol.calls == ["connection_made"]
            transport.write(patterned(1000))
            # The record around them is counted as well.
            assert 1000 < transport.get_write_buffer_size() < 1100

    run(main())


def test_a_small_limit_pauses_early(run, wired):
    async def main():
        async with wired() as (transport, protocol, peer):
            transport.set_write_buffer_limits(high=1000)
            transport.write(patterned(TOO_MUCH))
            assert protocol.calls == ["connection_made"]
            transport.write(patterned(1000))
            assert protocol.calls == ["connection_made", "pause_writing"]
            assert await peer.receive(TOO_MUCH + 1000) == patterned(TOO_MUCH) + patterned(1000)
            await protocol.writable()

    run(main())


def test_lowering_the_limit_pauses_at_once(run, wired):
    async def main():
        async with wired() as (transport, protocol, _):
            transport.write(patterned(TOO_MUCH))
            transport.write(patterned(5000))
            assert protocol.calls == ["connection_made"]
            transport.set_write_buffer_limits(high=1000)
            assert protocol.calls == ["connection_made", "pause_writing"]

    run(main())


def test_raising_the_limit_resumes_at_once(run, wired):
    async def main():
        async with wired() as (transport, protocol, _):
            transport.set_write_buffer_limits(high=1000)
            transport.write(patterned(TOO_MUCH))
            transport.write(patterned(5000))
            assert protocol.calls[-1] == "pause_writing"
            transport.set_write_buffer_limits(high=100_000, low=50_000)
            assert protocol.calls == ["connection_made", "pause_writing", "resume_writing"]

    run(main())


def test_a_limit_of_zero_pauses_while_the_buffer_is_empty(run, wired):
    # Unlike a plain transport's, the limit counts as reached, not only as passed.
    async def main():
        async with wired() as (transport, protocol, peer):
            transport.set_write_buffer_limits(high=0)
            assert protocol.calls == ["connection_made", "pause_writing"]
            transport.write(b"x")
            assert await peer.receive(1) == b"x"
            assert protocol.calls[:3] == ["connection_made", "pause_writing", "resume_writing"]

    run(main())


def test_pausing_again_and_again(run, wired):
    async def main():
        async with wired() as (transport, protocol, peer):
            for _ in range(3):
                written = await fill(transport, protocol, 256 * 1024)
                assert await peer.receive(len(written)) == written
                await protocol.writable()
            assert protocol.calls == ["connection_made"] + ["pause_writing", "resume_writing"] * 3

    run(main(), deadline=25)


def test_writing_while_paused_is_kept(run, wired):
    async def main():
        async with wired() as (transport, protocol, peer):
            written = await fill(transport, protocol)
            transport.write(b"nevertheless")
            assert await peer.receive(len(written)) == written
            assert await peer.receive(12) == b"nevertheless"

    run(main())


def test_exceptions_in_pause_and_resume_are_reported_and_harmless(run, wired, reported):
    class Fails(Recorder):
        def pause_writing(self):
            super().pause_writing()
            raise ArithmeticError("in pause_writing")

        def resume_writing(self):
            super().resume_writing()
            raise ArithmeticError("in resume_writing")

    async def main():
        async with wired("client", Fails) as (transport, protocol, peer):
            written = await fill(transport, protocol)
            context = reported.take_one()
            assert context["message"] == "protocol.pause_writing() failed"
            assert str(context["exception"]) == "in pause_writing"
            assert context["transport"] is transport
            assert await peer.receive(len(written)) == written
            await protocol.writable()
            context = reported.take_one()
            assert context["message"] == "protocol.resume_writing() failed"
            assert str(context["exception"]) == "in resume_writing"
            transport.write(b"unharmed")
            assert await peer.receive(8) == b"unharmed"

    run(main())


def test_a_slow_reader_of_the_loops_own_holds_the_writer_back(run, paired):
    data = patterned(TOO_MUCH)

    async def main():
        async with paired() as (client, server):
            server.transport.pause_reading()
            written = b""
            # Until the reader's own buffers are full as well.
            while client.calls[-1] != "pause_writing":
                written += await fill(client.transport, client)
                await turns(50)
            assert len(server.received) == 0
            server.transport.resume_reading()
            assert await server.receive(len(written)) == written
            await client.writable()
            client.transport.write(data)
            assert (await server.receive(len(written) + len(data)))[len(written) :] == data

    run(main(), deadline=25)


def test_a_reset_while_paused_ends_the_connection(run, wired):
    async def main():
        async with wired() as (transport, protocol, peer):
            await fill(transport, protocol)
            reset(peer.sock)
            lost = await protocol.lost
            assert isinstance(lost, (ConnectionResetError, BrokenPipeError))
            assert "resume_writing" not in protocol.calls
            assert protocol.calls[-1] == "connection_lost"

    run(main())
