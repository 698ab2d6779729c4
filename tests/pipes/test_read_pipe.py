"""Pipes that a protocol reads from."""

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
    Recorder,
    new_pipe,
    new_terminal,
    reading,
    turns,
)

variable = contextvars.ContextVar("variable", default="unset")


def test_is_an_asyncio_transport(run, loop):
    async def main():
        async with reading(loop) as (transport, _, _writer):
            assert isinstance(transport, asyncio.ReadTransport)
            assert isinstance(transport, asyncio.BaseTransport)
            assert not isinstance(transport, asyncio.WriteTransport)
            assert not hasattr(transport, "write")
            assert not hasattr(transport, "get_write_buffer_size")

    run(main())


def test_everything_arrives(run, loop):
    data = patterned(MORE_THAN_A_PIPE_TAKES)

    async def main():
        async with reading(loop) as (_, protocol, writer):

            def write():
                rest = data
                while rest:
                    rest = rest[writer.write(rest) :]
                writer.close()

            written = loop.run_in_executor(None, write)
            assert await protocol.lost is None
            await written
            assert protocol.received == data
            assert type(protocol.received) is bytearray

    run(main())


def test_data_is_bytes(run, loop):
    class Keeps(Recorder):
        def data_received(self, data):
            assert type(data) is bytes
            super().data_received(data)

    async def main():
        async with reading(loop, protocol_factory=Keeps) as (_, protocol, writer):
            writer.write(b"x")
            await protocol.receive(1)

    run(main())


def test_end_is_told_and_then_the_loss(run, loop):
    async def main():
        async with reading(loop) as (transport, protocol, writer):
            writer.write(b"last words")
            writer.close()
            assert await protocol.lost is None
            assert protocol.received == b"last words"
            assert protocol.calls == [
                "connection_made",
                "data_received",
                "eof_received",
                "connection_lost",
            ]
            await turns()
            assert transport.get_extra_info("pipe").closed

    run(main())


def test_end_cannot_be_kept_open(run, loop):
    class Insists(Recorder):
        def eof_received(self):
            super().eof_received()
            assert self.transport.is_closing()
            return True

    async def main():
        async with reading(loop, protocol_factory=Insists) as (_, protocol, writer):
            writer.close()
            assert await protocol.lost is None

    run(main())


def test_end_is_told_in_a_turn_of_its_own(run, loop):
    async def main():
        async with reading(loop) as (transport, protocol, writer):
            writer.close()
            while not transport.is_closing():
                assert protocol.calls == ["connection_made"]
                await asyncio.sleep(0)
            await protocol.ended
            assert await protocol.lost is None

    run(main())


def test_closing(run, loop):
    async def main():
        async with reading(loop) as (transport, protocol, writer):
            writer.write(b"not read")
            assert not transport.is_closing()
            transport.close()
            assert transport.is_closing()
            assert not transport.is_reading()
            assert protocol.calls == ["connection_made"]
            transport.close()
            assert await protocol.lost is None
            assert protocol.calls == ["connection_made", "connection_lost"]
            await turns()
            with pytest.raises(BrokenPipeError):
                writer.write(b"x")
            transport.close()
            await turns()

    run(main())


def test_closing_in_connection_made(run, loop):
    class Refuses(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.close()

    async def main():
        async with reading(loop, protocol_factory=Refuses) as (_, protocol, _writer):
            assert await protocol.lost is None

    run(main())


def test_pausing(run, loop):
    async def main():
        async with reading(loop) as (transport, protocol, writer):
            assert transport.is_reading()
            transport.pause_reading()
            transport.pause_reading()
            assert not transport.is_reading()
            writer.write(b"held back")
            await turns()
            assert protocol.received == b""
            transport.resume_reading()
            transport.resume_reading()
            assert transport.is_reading()
            assert await protocol.receive(9) == b"held back"

    run(main())


def test_pausing_in_connection_made(run, loop):
    class Pauses(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.pause_reading()

    async def main():
        async with reading(loop, protocol_factory=Pauses) as (transport, protocol, writer):
            writer.write(b"x")
            await turns()
            assert protocol.received == b""
            transport.resume_reading()
            assert await protocol.receive(1) == b"x"

    run(main())


def test_paused_transport_does_not_see_the_end(run, loop):
    async def main():
        async with reading(loop) as (transport, protocol, writer):
            transport.pause_reading()
            writer.close()
            await turns()
            assert protocol.calls == ["connection_made"]
            transport.resume_reading()
            assert await protocol.lost is None
            assert "eof_received" in protocol.calls

    run(main())


def test_closing_a_paused_transport(run, loop):
    async def main():
        async with reading(loop) as (transport, protocol, _):
            transport.pause_reading()
            transport.close()
            transport.resume_reading()
            assert await protocol.lost is None

    run(main())


def test_terminal_that_hangs_up_is_an_expected_error(run, loop):
    async def main():
        # The master's end of a terminal that nobody has open any more says EIO.
        async with reading(loop, new_terminal) as (_, protocol, slave):
            slave.write(b"bye")
            assert await protocol.receive(3) == b"bye"
            slave.close()
            lost = await protocol.lost
            assert type(lost) is OSError
            assert lost.errno == errno.EIO
            assert protocol.calls == ["connection_made", "data_received", "connection_lost"]

    run(main())


def test_error_that_is_not_expected_is_reported(run, loop, reported):
    def unreadable():
        reader, writer = os.pipe()
        # The wrong end: it is ready as soon as nobody reads, and cannot be read.
        return os.fdopen(writer, "wb", 0), os.fdopen(reader, "rb", 0)

    async def main():
        async with reading(loop, unreadable) as (transport, protocol, reader):
            reader.close()
            lost = await protocol.lost
            assert type(lost) is OSError
            assert lost.errno == errno.EBADF
            context = reported.take_one()
            assert context["message"] == "Fatal read error on pipe transport"
            assert context["exception"] is lost
            assert context["transport"] is transport
            assert context["protocol"] is protocol

    run(main())


@pytest.mark.parametrize("method", ["connection_made", "data_received", "eof_received"])
def test_exception_in_the_protocol_is_reported_and_reading_goes_on(run, loop, reported, method):
    def fail(name):
        if name == method:
            raise ArithmeticError(f"in {name}")

    class Fails(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            fail("connection_made")

        def data_received(self, data):
            super().data_received(data)
            if data == b"1":
                fail("data_received")

        def eof_received(self):
            super().eof_received()
            fail("eof_received")

    async def main():
        async with reading(loop, protocol_factory=Fails) as (_, protocol, writer):
            writer.write(b"1")
            assert await protocol.receive(1) == b"1"
            writer.write(b"2")
            assert await protocol.receive(2) == b"12"
            writer.close()
            assert await protocol.lost is None
            context = reported.take_one()
            assert str(context["exception"]) == f"in {method}"
            assert context["message"].startswith("Exception in callback ")

    run(main())


def test_exception_in_connection_lost_is_reported_and_the_pipe_closed(run, loop, reported):
    class Fails(Recorder):
        def connection_lost(self, exc):
            super().connection_lost(exc)
            raise ArithmeticError("in connection_lost")

    async def main():
        async with reading(loop, protocol_factory=Fails) as (transport, protocol, _):
            transport.close()
            await protocol.lost
            await turns()
            assert transport.get_extra_info("pipe").closed
            assert str(reported.take_one()["exception"]) == "in connection_lost"

    run(main())


def test_extra_info(run, loop):
    async def main():
        async with reading(loop) as (transport, protocol, _):
            pipe = transport.get_extra_info("pipe")
            assert pipe is transport._pipe
            assert transport.get_extra_info("socket") is None
            assert transport.get_extra_info("socket", default=7) == 7
            transport.close()
            await protocol.lost
            await turns()
            assert transport._pipe is None
            assert transport.get_extra_info("pipe") is pipe

    run(main())


def test_another_protocol_reads_from_then_on(run, loop):
    async def main():
        async with reading(loop) as (transport, first, writer):
            second = Recorder()
            second.calls.append("set_protocol")
            second.lost = first.lost
            assert transport.get_protocol() is first
            transport.set_protocol(second)
            assert transport.get_protocol() is second
            writer.write(b"x")
            assert await second.receive(1) == b"x"
            assert first.received == b""

    run(main())


def test_repr(run, loop):
    async def main():
        async with reading(loop) as (transport, protocol, _):
            number = transport.get_extra_info("pipe").fileno()
            pattern = rf"^<\w*ReadPipeTransport {{}}fd={number} {{}}>$"
            assert re.match(pattern.format("", "polling"), repr(transport))
            transport.pause_reading()
            assert re.match(pattern.format("", "idle"), repr(transport))
            transport.close()
            assert re.match(pattern.format("closing ", "idle"), repr(transport))
            await protocol.lost
            await turns()
            assert re.match(pattern.format("closed ", "closed"), repr(transport))

    run(main())


def test_debug_mode_tells_of_pausing_and_of_the_end(run, loop):
    async def main():
        loop.set_debug(True)
        async with reading(loop) as (transport, protocol, writer):
            with everything_logged() as messages:
                transport.pause_reading()
                transport.resume_reading()
                writer.close()
                await protocol.lost
        levels, texts = zip(*messages, strict=True)
        assert levels == ("DEBUG", "DEBUG", "INFO")
        assert texts[0].endswith("> pauses reading")
        assert texts[1].endswith("> resumes reading")
        assert texts[2].endswith("> was closed by peer")

    run(main())


def test_protocol_runs_in_the_context_that_connected(run, loop):
    seen = {}

    class Witness(Recorder):
        def connection_made(self, transport):
            seen["made"] = variable.get()
            super().connection_made(transport)

        def data_received(self, data):
            seen["data"] = variable.get()
            super().data_received(data)

    async def main():
        variable.set("connecting")
        async with reading(loop, protocol_factory=Witness) as (_, protocol, writer):
            variable.set("connected")
            writer.write(b"x")
            await protocol.receive(1)

    run(main())
    assert seen == {"made": "connecting", "data": "connecting"}


def test_lost_transport_lets_its_protocol_go(run, loop):
    async def main():
        async with reading(loop) as (transport, protocol, writer):
            writer.close()
            await protocol.lost
            await turns()
            weak = weakref.ref(protocol)
        protocol.transport = None
        return transport, weak

    transport, weak = run(main())
    gc.collect()
    assert weak() is None
    assert transport.is_closing()


def test_stream_reader_over_a_pipe(run, loop):
    async def main():
        reader = asyncio.StreamReader()
        end, writer = new_pipe()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), end
        )
        with writer:
            writer.write(b"one\ntwo\nrest")
        assert await reader.readline() == b"one\n"
        assert await reader.readline() == b"two\n"
        assert await reader.read() == b"rest"
        transport.close()
        await turns()

    run(main())
