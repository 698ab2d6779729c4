"""connect_read_pipe and connect_write_pipe: which files they take, and what they do to them."""

import asyncio
import os
import socket
import warnings

import pytest
from datagrams.peers import everything_logged

from .peers import (
    Recorder,
    WriteRecorder,
    new_pipe,
    new_sockets,
    new_terminal,
    read_in_thread,
    reading,
    turns,
    writing,
)

READ_REFUSAL = "^Pipe transport is for pipes/sockets only.$"
WRITE_REFUSAL = "^Pipe transport is only for pipes, sockets and character devices$"


@pytest.mark.parametrize("ends", [new_pipe, new_sockets, new_terminal])
def test_files_to_read_from(run, loop, ends):
    async def main():
        async with reading(loop, ends) as (transport, protocol, writer):
            assert protocol.calls == ["connection_made"]
            assert protocol.transport is transport
            writer.write(b"hello")
            assert await protocol.receive(5) == b"hello"

    run(main())


@pytest.mark.parametrize("ends", [new_pipe, new_sockets, new_terminal])
def test_files_to_write_to(run, loop, ends):
    async def main():
        async with writing(loop, ends) as (transport, protocol, reader):
            assert protocol.calls == ["connection_made"]
            assert protocol.transport is transport
            transport.write(b"hello")
            assert await read_in_thread(loop, reader, 5) == b"hello"

    run(main())


def test_named_pipe(run, loop, tmp_path):
    async def main():
        path = tmp_path / "fifo"
        os.mkfifo(path)

        def ends():
            # Opened for both, so that the other opening need not wait.
            both = os.open(path, os.O_RDWR)
            reader, writer = open(path, "rb", 0), open(path, "wb", 0)
            os.close(both)
            return reader, writer

        async with reading(loop, ends) as (_, protocol, writer):
            writer.write(b"read")
            assert await protocol.receive(4) == b"read"
        async with writing(loop, ends) as (transport, protocol, reader):
            transport.write(b"written")
            assert reader.read(10) == b"written"
            reader.close()
            assert await protocol.lost is None

    run(main())


def test_socket_object(run, loop):
    async def main():
        near, far = socket.socketpair()
        with far:
            transport, protocol = await loop.connect_read_pipe(Recorder, near)
            assert near.gettimeout() is None or near.gettimeout() == 0
            far.send(b"x")
            assert await protocol.receive(1) == b"x"
            transport.close()
            await protocol.lost
            await turns()
            assert near.fileno() == -1

    run(main())


@pytest.mark.parametrize("direction", ["read", "write"])
def test_descriptor_is_made_non_blocking(run, loop, direction):
    async def main():
        reader, writer = new_pipe()
        with reader, writer:
            assert os.get_blocking(reader.fileno()) and os.get_blocking(writer.fileno())
            if direction == "read":
                transport, protocol = await loop.connect_read_pipe(Recorder, reader)
                assert not os.get_blocking(reader.fileno())
                assert os.get_blocking(writer.fileno())
            else:
                transport, protocol = await loop.connect_write_pipe(WriteRecorder, writer)
                assert os.get_blocking(reader.fileno())
                assert not os.get_blocking(writer.fileno())
            transport.close()
            await protocol.lost

    run(main())


@pytest.mark.parametrize(
    ("method", "refusal"),
    [("connect_read_pipe", READ_REFUSAL), ("connect_write_pipe", WRITE_REFUSAL)],
)
def test_regular_file_is_refused(run, loop, tmp_path, method, refusal):
    async def main():
        with open(tmp_path / "file", "w+b") as file:
            with pytest.raises(ValueError, match=refusal):
                await getattr(loop, method)(Recorder, file)
            assert not file.closed
            assert os.get_blocking(file.fileno())

    run(main())


# The standard library's finalizer fails on a transport that never came to be.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("method", ["connect_read_pipe", "connect_write_pipe"])
def test_closed_file(run, loop, method):
    async def main():
        reader, writer = new_pipe()
        reader.close()
        writer.close()
        with pytest.raises(ValueError, match="closed file"):
            await getattr(loop, method)(Recorder, reader)

    run(main())


@pytest.mark.filterwarnings("ignore:unclosed transport:ResourceWarning")
@pytest.mark.parametrize("method", ["connect_read_pipe", "connect_write_pipe"])
def test_descriptor_that_is_not_open(run, loop, method):
    class Gone:
        def fileno(self):
            return 2**31 - 1

        def close(self):
            pass

    with pytest.raises(OSError, match="Bad file descriptor"):
        run(getattr(loop, method)(Recorder, Gone()))


@pytest.mark.parametrize("method", ["connect_read_pipe", "connect_write_pipe"])
def test_something_that_is_no_file(run, loop, method):
    with pytest.raises(AttributeError, match="^'NoneType' object has no attribute 'fileno'$"):
        run(getattr(loop, method)(Recorder, None))


@pytest.mark.parametrize("method", ["connect_read_pipe", "connect_write_pipe"])
def test_factory_that_raises_leaves_the_pipe_open(run, loop, method):
    def fail():
        raise ArithmeticError("in the factory")

    async def main():
        reader, writer = new_pipe()
        with reader, writer:
            with pytest.raises(ArithmeticError, match="^in the factory$"):
                await getattr(loop, method)(fail, reader)
            assert not reader.closed

    run(main())


def test_device_that_cannot_be_watched_for_reading(run, loop, reported):
    async def main():
        file = open("/dev/null", "rb", 0)
        transport, protocol = await loop.connect_read_pipe(Recorder, file)
        context = reported.take_one()
        assert type(context["exception"]) is PermissionError
        assert context["message"].startswith("Exception in callback ")
        assert protocol.calls == ["connection_made"]
        transport.close()
        assert await protocol.lost is None

    run(main())


def test_device_that_need_not_be_watched_for_writing(run, loop):
    async def main():
        file = open("/dev/null", "wb", 0)
        transport, protocol = await loop.connect_write_pipe(WriteRecorder, file)
        transport.write(b"x" * 100_000)
        assert transport.get_write_buffer_size() == 0
        transport.close()
        assert await protocol.lost is None

    run(main())


def test_one_descriptor_for_both_directions(run, loop):
    async def main():
        master, slave = new_terminal()
        with master:
            second = os.fdopen(slave.fileno(), "wb", 0, closefd=False)
            reader, received = await loop.connect_read_pipe(Recorder, slave)
            writer, sent = await loop.connect_write_pipe(WriteRecorder, second)
            master.write(b"in")
            assert await received.receive(2) == b"in"
            writer.write(b"out")
            assert await read_in_thread(loop, master, 3) == b"out"
            # More than a terminal holds, both ways at once.
            writer.write(bytes(100_000))
            assert writer.get_write_buffer_size() > 0
            master.write(b"more")
            assert await received.receive(6) == b"inmore"
            assert await read_in_thread(loop, master, 100_000) == bytes(100_000)
            writer.close()
            await sent.lost
            reader.close()
            await received.lost

    run(main())


@pytest.mark.parametrize("method", ["connect_read_pipe", "connect_write_pipe"])
def test_cancelled_connecting_closes_the_pipe(run, loop, method):
    async def main():
        protocols = []

        def make():
            protocols.append(Recorder())
            return protocols[0]

        reader, writer = new_pipe()
        ours, theirs = (reader, writer) if "read" in method else (writer, reader)
        with theirs:
            connecting = loop.create_task(getattr(loop, method)(make, ours))
            while not protocols:
                await asyncio.sleep(0)
            connecting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await connecting
            assert await protocols[0].lost is None
            await turns()
            assert ours.closed

    run(main())


def test_debug_mode_tells_of_pipes(run, loop):
    async def main():
        loop.set_debug(True)
        with everything_logged() as messages:
            async with reading(loop) as (transport, protocol, _):
                number = transport.get_extra_info("pipe").fileno()
                expected = f"Read pipe {number} connected: ({transport!r}, {protocol!r})"
                assert messages[-1] == ("DEBUG", expected)
            async with writing(loop) as (transport, protocol, _):
                number = transport.get_extra_info("pipe").fileno()
                expected = f"Write pipe {number} connected: ({transport!r}, {protocol!r})"
                assert messages[-1] == ("DEBUG", expected)

    run(main())


@pytest.mark.parametrize("method", ["connect_read_pipe", "connect_write_pipe"])
def test_forgotten_transport_warns_and_closes_its_pipe(loop_factory, method):
    other = loop_factory()
    reader, writer = new_pipe()
    ours, theirs = (reader, writer) if "read" in method else (writer, reader)
    with theirs:
        transport, protocol = other.run_until_complete(
            getattr(other, method)(asyncio.Protocol, ours)
        )
        # A closed loop no longer holds the transport, so nothing but the test does.
        other.close()
        assert "open" in repr(transport)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del transport, protocol
        (warning,) = caught
        assert warning.category is ResourceWarning
        assert str(warning.message).startswith("unclosed transport <")
        assert ours.closed


@pytest.mark.parametrize("method", ["connect_read_pipe", "connect_write_pipe"])
def test_transport_without_its_pipe_does_not_warn(loop_factory, method):
    other = loop_factory()
    reader, writer = new_pipe()
    ours = reader if "read" in method else writer
    with reader, writer:
        transport, protocol = other.run_until_complete(
            getattr(other, method)(asyncio.Protocol, ours)
        )
        other.close()
        assert transport._pipe is ours
        transport._pipe = None
        assert transport._pipe is None
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            del transport, protocol
        assert not ours.closed
