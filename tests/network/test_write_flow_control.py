"""Backpressure: water marks, pause_writing and resume_writing, a peer that never reads."""

import asyncio

import pytest

from .peers import MORE_THAN_THE_KERNEL_TAKES, Recorder, patterned, read_exactly, wired


def fill_the_kernel(transport):
    """Write until the kernel refuses; return the number of bytes given to the transport."""
    written = 0
    while not transport.get_write_buffer_size():
        transport.write(b"x" * 65536)
        written += 65536
    return written


def test_default_limits(run, loop):
    async def main():
        async with wired(loop) as (transport, _, _):
            assert transport.get_write_buffer_limits() == (16 * 1024, 64 * 1024)
            assert transport.get_write_buffer_size() == 0

    run(main())


@pytest.mark.parametrize(
    ("arguments", "limits"),
    [
        ({}, (16 * 1024, 64 * 1024)),
        ({"high": 1000}, (250, 1000)),
        ({"low": 1000}, (1000, 4000)),
        ({"high": 1000, "low": 10}, (10, 1000)),
        ({"high": 10, "low": 10}, (10, 10)),
        ({"high": 0}, (0, 0)),
    ],
)
def test_set_write_buffer_limits(run, loop, arguments, limits):
    async def main():
        async with wired(loop) as (transport, _, _):
            transport.set_write_buffer_limits(**arguments)
            assert transport.get_write_buffer_limits() == limits

    run(main())


@pytest.mark.parametrize(("high", "low"), [(10, 20), (-1, None), (10, -1)])
def test_limits_out_of_order_are_refused(run, loop, high, low):
    shown_low = high // 4 if low is None else low

    async def main():
        async with wired(loop) as (transport, _, _):
            with pytest.raises(ValueError) as info:
                transport.set_write_buffer_limits(high=high, low=low)
            assert str(info.value) == (
                f"high ({high!r}) must be >= low ({shown_low!r}) must be >= 0"
            )
            assert transport.get_write_buffer_limits() == (16 * 1024, 64 * 1024)

    run(main())


def test_pause_and_resume_alternate_around_the_marks(run, loop):
    async def main():
        async with wired(loop) as (transport, protocol, peer):
            written = fill_the_kernel(transport)
            while protocol.calls[-1] != "pause_writing":
                size = transport.get_write_buffer_size()
                assert size <= 64 * 1024
                transport.write(b"x" * 1024)
                written += 1024
            assert transport.get_write_buffer_size() > 64 * 1024
            transport.write(b"more")
            written += 4
            await read_exactly(loop, peer, written)
            await protocol.writable()
            assert protocol.calls == ["connection_made", "pause_writing", "resume_writing"]

    run(main())


def test_resume_comes_only_at_the_low_mark(run, loop):
    sizes = []

    class Measures(Recorder):
        def resume_writing(self):
            super().resume_writing()
            sizes.append(self.transport.get_write_buffer_size())

    async def main():
        async with wired(loop, Measures) as (transport, protocol, peer):
            transport.set_write_buffer_limits(high=1024 * 1024, low=100)
            transport.write(patterned(MORE_THAN_THE_KERNEL_TAKES))
            assert protocol.calls[-1] == "pause_writing"
            await read_exactly(loop, peer, MORE_THAN_THE_KERNEL_TAKES)
            await protocol.writable()
        (size,) = sizes
        assert size <= 100

    run(main())


def test_exactly_the_high_mark_does_not_pause(run, loop):
    async def main():
        async with wired(loop) as (transport, protocol, _):
            fill_the_kernel(transport)
            size = transport.get_write_buffer_size()
            transport.set_write_buffer_limits(high=size + 100)
            paused_before = protocol.calls.count("pause_writing")
            transport.write(b"x" * 100)
            assert transport.get_write_buffer_size() == size + 100
            assert protocol.calls.count("pause_writing") == paused_before
            transport.abort()

    run(main())


def test_limit_of_zero_pauses_as_soon_as_anything_waits(run, loop):
    async def main():
        async with wired(loop) as (transport, protocol, peer):
            transport.set_write_buffer_limits(high=0)
            written = fill_the_kernel(transport)
            assert protocol.calls[-1] == "pause_writing"
            await read_exactly(loop, peer, written)
            await protocol.writable()
            assert transport.get_write_buffer_size() == 0

    run(main())


def test_lowering_the_limits_pauses_at_once(run, loop):
    async def main():
        async with wired(loop) as (transport, protocol, _):
            transport.set_write_buffer_limits(high=16 * 1024 * 1024)
            transport.write(patterned(MORE_THAN_THE_KERNEL_TAKES))
            assert "pause_writing" not in protocol.calls
            transport.set_write_buffer_limits(high=10)
            assert protocol.calls[-1] == "pause_writing"

    run(main())


def test_a_peer_that_never_reads_holds_a_polite_writer_back(run, loop):
    async def main():
        async with wired(loop) as (transport, protocol, _):
            written = 0
            while protocol.calls[-1] != "pause_writing":
                transport.write(b"x" * 4096)
                written += 4096
                await asyncio.sleep(0)
            assert transport.get_write_buffer_size() <= 64 * 1024 + 4096
            assert written < MORE_THAN_THE_KERNEL_TAKES
            for _ in range(10):
                await asyncio.sleep(0)
            assert protocol.calls[-1] == "pause_writing"

    run(main())


def test_paused_writer_of_a_dropped_connection_is_not_resumed(run, loop):
    async def main():
        async with wired(loop) as (transport, protocol, _):
            transport.write(patterned(MORE_THAN_THE_KERNEL_TAKES))
            transport.abort()
            assert transport.get_write_buffer_size() == 0
            await protocol.lost
            assert protocol.calls == ["connection_made", "pause_writing", "connection_lost"]

    run(main())


@pytest.mark.parametrize("method", ["pause_writing", "resume_writing"])
def test_failing_flow_control_method_is_reported_and_the_data_arrives(run, loop, reported, method):
    def fails(self):
        raise ArithmeticError(method)

    protocol_class = type("Failing", (Recorder,), {method: fails})
    data = patterned(MORE_THAN_THE_KERNEL_TAKES)

    async def main():
        async with wired(loop, protocol_class) as (transport, protocol, peer):
            transport.write(data)
            assert await read_exactly(loop, peer, len(data)) == data
            context = reported.take_one()
            assert context["message"] == f"protocol.{method}() failed"
            assert isinstance(context["exception"], ArithmeticError)
            assert context["transport"] is transport
            assert context["protocol"] is protocol

    run(main())
