"""Pipes that a protocol writes to."""

import asyncio
import contextvars
import errno
import gc
import os
import re
import weakref

import pytest
from datagrams.peers import everything_logged
from network.peers import patterned

from .peers import (
    MORE_THAN_A_PIPE_TAKES,
    WriteRecorder,
    new_pipe,
    new_sockets,
    read_in_thread,
    turns,
    writing,
)

variable = contextvars.ContextVar("variable", default="unset")


def test_is_an_asyncio_transport(run, loop):
    async def main():
        async with writing(loop) as (transport, _, _reader):
            assert isinstance(transport, asyncio.WriteTransport)
            assert isinstance(transport, asyncio.BaseTransport)
            assert isinstance(transport, asyncio.Transport)

    run(main())


@pytest.mark.parametrize(
    "data",
    [
        b"abcd",
        bytearray(b"abcd"),
        memoryview(b"abcd"),
        memoryview(bytearray(b"xabcdx"))[1:5],
    ],
    ids=["bytes", "bytearray", "memoryview", "slice"],
)
def test_kinds_of_data(run, loop, data):
    async def main():
        async with writing(loop) as (transport, _, reader):
            transport.write(data)
            assert reader.read(10) == b"abcd"
            assert transport.get_write_buffer_size() == 0

    run(main())


@pytest.mark.parametrize("data", ["text", 1, None, [b"x"]])
def test_other_data_is_refused(run, loop, data):
    async def main():
        async with writing(loop) as (transport, _, _reader):
            with pytest.raises(AssertionError) as caught:
                transport.write(data)
            assert str(caught.value) == repr(data)
            assert not transport.is_closing()

    run(main())


@pytest.mark.parametrize("data", [b"", bytearray(), memoryview(b"")])
def test_nothing_to_write(run, loop, data):
    async def main():
        async with writing(loop) as (transport, _, reader):
            transport.write(data)
            transport.write(b"x")
            assert reader.read(10) == b"x"

    run(main())


def test_writelines(run, loop):
    async def main():
        async with writing(loop) as (transport, _, reader):
            transport.writelines([b"one ", bytearray(b"two "), memoryview(b"three")])
            transport.writelines([])
            assert reader.read(100) == b"one two three"
            with pytest.raises(TypeError):
                transport.writelines(["text"])

    run(main())


@pytest.mark.parametrize("ends", [new_pipe, new_sockets])
def test_everything_arrives_in_order(run, loop, ends):
    data = patterned(MORE_THAN_A_PIPE_TAKES)

    async def main():
        async with writing(loop, ends) as (transport, _, reader):
            for start in range(0, len(data), 10_001):
                transport.write(data[start : start + 10_001])
            assert transport.get_write_buffer_size() > 0
            assert await read_in_thread(loop, reader, len(data)) == data
            while transport.get_write_buffer_size():
                await asyncio.sleep(0)

    run(main())


def test_what_waits_is_a_copy(run, loop):
    async def main():
        async with writing(loop) as (transport, _, reader):
            data = bytearray(patterned(MORE_THAN_A_PIPE_TAKES))
            expected = bytes(data)
            transport.write(data)
            data[:] = bytes(len(data))
            data.append(0)
            assert await read_in_thread(loop, reader, len(expected)) == expected

    run(main())


def test_water_marks(run, loop):
    async def main():
        async with writing(loop) as (transport, _, _reader):
            assert transport.get_write_buffer_limits() == (16 * 1024, 64 * 1024)
            transport.set_write_buffer_limits(high=100, low=10)
            assert transport.get_write_buffer_limits() == (10, 100)
            with pytest.raises(ValueError, match=r"^high \(1\) must be >= low \(2\) must be >= 0$"):
                transport.set_write_buffer_limits(1, 2)

    run(main())


def test_protocol_pauses_above_the_high_mark_and_resumes_when_all_is_written(run, loop):
    async def main():
        async with writing(loop) as (transport, protocol, reader):
            transport.write(patterned(MORE_THAN_A_PIPE_TAKES))
            assert protocol.calls == ["connection_made", "pause_writing"]
            await read_in_thread(loop, reader, MORE_THAN_A_PIPE_TAKES)
            await protocol.writable()
            assert transport.get_write_buffer_size() == 0
            assert protocol.calls == ["connection_made", "pause_writing", "resume_writing"]

    run(main())


def test_low_mark_alone_does_not_resume(run, loop):
    async def main():
        async with writing(loop) as (transport, protocol, reader):
            transport.set_write_buffer_limits(high=MORE_THAN_A_PIPE_TAKES, low=500_000)
            transport.write(bytes(MORE_THAN_A_PIPE_TAKES))
            transport.write(bytes(MORE_THAN_A_PIPE_TAKES))
            assert protocol.calls == ["connection_made", "pause_writing"]
            while transport.get_write_buffer_size() > 400_000:
                reader.read(64 * 1024)
                await turns()
            assert transport.get_write_buffer_size() > 0
            assert protocol.calls == ["connection_made", "pause_writing"]

    run(main())


def test_writing_from_resume_writing(run, loop):
    class Continues(WriteRecorder):
        def resume_writing(self):
            super().resume_writing()
            self.transport.write(b"resumed")

    async def main():
        async with writing(loop, protocol_factory=Continues) as (transport, _, reader):
            transport.write(bytes(MORE_THAN_A_PIPE_TAKES))
            count = MORE_THAN_A_PIPE_TAKES + len(b"resumed")
            assert (await read_in_thread(loop, reader, count)).endswith(b"\0resumed")

    run(main())


@pytest.mark.parametrize("method", ["pause_writing", "resume_writing"])
def test_exception_in_flow_control_is_reported(run, loop, reported, method):
    async def main():
        async with writing(loop) as (transport, protocol, reader):

            def fail():
                raise ArithmeticError(f"in {method}")

            setattr(protocol, method, fail)
            transport.write(bytes(MORE_THAN_A_PIPE_TAKES))
            await read_in_thread(loop, reader, MORE_THAN_A_PIPE_TAKES)
            while not reported:
                await asyncio.sleep(0)
            context = reported.take_one()
            assert context["message"] == f"protocol.{method}() failed"
            assert str(context["exception"]) == f"in {method}"
            assert not transport.is_closing()

    run(main())


@pytest.mark.parametrize("how", ["close", "write_eof"])
def test_end_of_an_idle_pipe(run, loop, how):
    async def main():
        async with writing(loop) as (transport, protocol, reader):
            assert transport.can_write_eof()
            transport.write(b"last")
            getattr(transport, how)()
            assert transport.is_closing()
            assert protocol.calls == ["connection_made"]
            getattr(transport, how)()
            assert await protocol.lost is None
            await turns()
            assert reader.read(10) == b"last"
            assert reader.read(10) == b""
            transport.close()
            transport.write_eof()

    run(main())


@pytest.mark.parametrize("how", ["close", "write_eof"])
def test_end_waits_until_all_is_written(run, loop, how):
    data = patterned(MORE_THAN_A_PIPE_TAKES)

    async def main():
        async with writing(loop) as (transport, protocol, reader):
            transport.write(data)
            getattr(transport, how)()
            await turns()
            assert not protocol.lost.done()
            assert await read_in_thread(loop, reader, len(data) + 1) == data
            assert await protocol.lost is None

    run(main())


def test_abort_drops_what_waits(run, loop):
    async def main():
        async with writing(loop) as (transport, protocol, reader):
            transport.write(bytes(MORE_THAN_A_PIPE_TAKES))
            transport.abort()
            assert transport.is_closing()
            assert transport.get_write_buffer_size() == 0
            assert await protocol.lost is None
            received = await read_in_thread(loop, reader, MORE_THAN_A_PIPE_TAKES)
            assert len(received) < MORE_THAN_A_PIPE_TAKES

    run(main())


def test_abort_cuts_a_pending_close_short(run, loop):
    async def main():
        async with writing(loop) as (transport, protocol, _):
            transport.write(bytes(MORE_THAN_A_PIPE_TAKES))
            transport.close()
            await turns()
            transport.abort()
            assert await protocol.lost is None
            assert protocol.calls.count("connection_lost") == 1

    run(main())


def test_closing_in_connection_made(run, loop):
    class Refuses(WriteRecorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.write(b"sorry")
            transport.close()

    async def main():
        async with writing(loop, protocol_factory=Refuses) as (_, protocol, reader):
            assert await protocol.lost is None
            await turns()
            assert reader.read() == b"sorry"

    run(main())


@pytest.mark.parametrize("ends", [new_pipe, new_sockets])
def test_reader_that_goes_away(run, loop, ends):
    async def main():
        async with writing(loop, ends) as (transport, protocol, reader):
            reader.close()
            assert await protocol.lost is None
            assert transport.is_closing()
            assert protocol.calls == ["connection_made", "connection_lost"]

    run(main())


@pytest.mark.parametrize("ends", [new_pipe, new_sockets])
def test_reader_that_goes_away_while_data_waits(run, loop, ends):
    async def main():
        async with writing(loop, ends) as (transport, protocol, reader):
            transport.write(bytes(MORE_THAN_A_PIPE_TAKES))
            reader.close()
            lost = await protocol.lost
            assert type(lost) is BrokenPipeError
            assert transport.get_write_buffer_size() == 0

    run(main())


def test_writing_before_the_loop_sees_that_the_reader_is_gone(run, loop):
    async def main():
        async with writing(loop) as (transport, protocol, reader):
            reader.close()
            transport.write(b"x")
            assert transport.is_closing()
            lost = await protocol.lost
            assert type(lost) is BrokenPipeError
            assert lost.errno == errno.EPIPE
            assert lost.strerror == "Broken pipe"

    run(main())


def test_socket_that_is_written_to_must_not_answer(run, loop):
    # What arrives is taken for the end: a pipe that is written to is not read.
    async def main():
        async with writing(loop, new_sockets) as (_, protocol, reader):
            reader.write(b"an answer")
            assert await protocol.lost is None

    run(main())


def test_writing_to_a_lost_pipe_warns_from_the_fifth_time_on(run, loop, logged):
    async def main():
        async with writing(loop) as (transport, protocol, _):
            transport.close()
            for _ in range(5):
                transport.write(b"too late")
            await protocol.lost
            assert logged.take() == []
            transport.write(b"too late")
            assert logged.take_one().getMessage() == (
                "pipe closed by peer or os.write(pipe, data) raised exception."
            )

    run(main())


def test_error_that_is_not_the_readers_is_quiet_too(run, loop):
    async def main():
        def wrong_end():
            reader, writer = new_pipe()
            return writer, reader

        async with writing(loop, wrong_end) as (transport, protocol, _):
            transport.write(b"x")
            lost = await protocol.lost
            assert type(lost) is OSError
            assert lost.errno == errno.EBADF

    run(main())


@pytest.mark.parametrize("method", ["connection_made", "connection_lost"])
def test_exception_in_the_protocol_is_reported(run, loop, reported, method):
    class Fails(WriteRecorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            if method == "connection_made":
                raise ArithmeticError("in connection_made")

        def connection_lost(self, exc):
            super().connection_lost(exc)
            if method == "connection_lost":
                raise ArithmeticError("in connection_lost")

    async def main():
        async with writing(loop, protocol_factory=Fails) as (transport, protocol, reader):
            transport.write(b"x")
            assert reader.read(10) == b"x"
            transport.close()
            await protocol.lost
            await turns()
            assert transport.get_extra_info("pipe").closed
            context = reported.take_one()
            assert str(context["exception"]) == f"in {method}"
            assert context["message"].startswith("Exception in callback ")

    run(main())


def test_failure_to_close_the_pipe_is_reported(run, loop, reported):
    class Stubborn:
        def __init__(self, file):
            self.file = file
            self.fileno = file.fileno

        def close(self):
            self.file.close()
            raise ArithmeticError("in close")

    async def main():
        reader, writer = os.pipe()
        with os.fdopen(reader, "rb", 0):
            pipe = Stubborn(os.fdopen(writer, "wb", 0))
            transport, protocol = await loop.connect_write_pipe(WriteRecorder, pipe)
            transport.close()
            await protocol.lost
            await turns()
            assert str(reported.take_one()["exception"]) == "in close"
            # The standard library keeps what it could not close.
            transport._pipe = None

    run(main())


def test_extra_info(run, loop):
    async def main():
        async with writing(loop) as (transport, protocol, _):
            pipe = transport.get_extra_info("pipe")
            assert pipe is transport._pipe
            assert transport.get_extra_info("other") is None
            assert transport.get_extra_info("other", default=7) == 7
            transport.close()
            await protocol.lost
            await turns()
            assert transport.get_extra_info("pipe") is pipe
            assert pipe.closed

    run(main())


def test_another_protocol_is_told_from_then_on(run, loop):
    async def main():
        async with writing(loop) as (transport, first, _):
            second = WriteRecorder()
            second.lost = first.lost
            assert transport.get_protocol() is first
            transport.set_protocol(second)
            assert transport.get_protocol() is second
            transport.write(bytes(MORE_THAN_A_PIPE_TAKES))
            assert second.calls == ["pause_writing"]
            assert first.calls == ["connection_made"]

    run(main())


def test_repr(run, loop):
    async def main():
        async with writing(loop) as (transport, protocol, reader):
            number = transport.get_extra_info("pipe").fileno()
            pattern = rf"^<\w*WritePipeTransport {{}}fd={number} {{}}>$"
            # The standard library puts a blank where ours has a comma.
            idle, polling = r"idle,? bufsize=0", r"polling,? bufsize=\d+"
            assert re.match(pattern.format("", idle), repr(transport))
            transport.write(bytes(MORE_THAN_A_PIPE_TAKES))
            assert re.match(pattern.format("", polling), repr(transport))
            transport.close()
            assert re.match(pattern.format("closing ", polling), repr(transport))
            transport.abort()
            await protocol.lost
            await turns()
            assert re.match(pattern.format("closed ", "closed"), repr(transport))

    run(main())


def test_debug_mode_tells_of_the_end_and_of_failures(run, loop):
    async def main():
        loop.set_debug(True)
        async with writing(loop) as (transport, protocol, reader):
            with everything_logged() as messages:
                reader.close()
                await protocol.lost
            assert messages[0][0] == "INFO"
            assert messages[0][1].endswith("> was closed by peer")
        async with writing(loop) as (transport, protocol, reader):
            reader.close()
            with everything_logged() as messages:
                transport.write(b"x")
                await protocol.lost
            assert messages[0][0] == "DEBUG"
            assert messages[0][1].endswith(">: Fatal write error on pipe transport")

    run(main())


def test_pausing_runs_in_the_writers_context_and_the_rest_in_the_transports(run, loop):
    seen = {}

    class Witness(WriteRecorder):
        def connection_made(self, transport):
            seen["made"] = variable.get()
            super().connection_made(transport)

        def pause_writing(self):
            seen["paused"] = variable.get()
            super().pause_writing()

    async def main():
        variable.set("connecting")
        async with writing(loop, protocol_factory=Witness) as (transport, _, _reader):
            variable.set("writing")
            transport.write(bytes(MORE_THAN_A_PIPE_TAKES))

    run(main())
    assert seen == {"made": "connecting", "paused": "writing"}


def test_lost_transport_lets_its_protocol_go(run, loop):
    async def main():
        async with writing(loop) as (transport, protocol, reader):
            reader.close()
            await protocol.lost
            await turns()
            weak = weakref.ref(protocol)
        protocol.transport = None
        return transport, weak

    transport, weak = run(main())
    gc.collect()
    assert weak() is None
    assert transport.is_closing()


def test_stream_writer_over_a_pipe(run, loop):
    async def main():
        reader, writer = new_pipe()
        with reader:
            transport, protocol = await loop.connect_write_pipe(
                asyncio.streams.FlowControlMixin, writer
            )
            stream = asyncio.StreamWriter(transport, protocol, None, loop)
            data = patterned(MORE_THAN_A_PIPE_TAKES)
            received = loop.create_task(read_in_thread(loop, reader, len(data) + 1))
            for start in range(0, len(data), 4096):
                stream.write(data[start : start + 4096])
                await stream.drain()
            stream.close()
            assert await received == data
            await turns()

    run(main())


@pytest.mark.parametrize("method", ["pause_reading", "resume_reading", "is_reading"])
def test_a_pipe_that_is_written_to_cannot_be_read_from(run, loop, method):
    async def main():
        async with writing(loop) as (transport, _, _reader):
            with pytest.raises(NotImplementedError):
                getattr(transport, method)()

    run(main())
