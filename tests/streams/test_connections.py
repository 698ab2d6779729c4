"""start_server and open_connection: do streams carry everything, and end as they should?"""

import asyncio
import contextlib
import socket

import pytest
from network.peers import MORE_THAN_THE_KERNEL_TAKES, patterned, reset, unused_port


@contextlib.asynccontextmanager
async def conversation(api, handler, **options):
    """Yield the (reader, writer) of a client whose server runs handler(reader, writer)."""
    finished = asyncio.get_running_loop().create_future()

    async def handle(reader, writer):
        try:
            await handler(reader, writer)
            writer.close()
            await writer.wait_closed()
        except BaseException as exc:
            finished.set_exception(exc)
        else:
            finished.set_result(None)

    server = await api.start_server(handle, "127.0.0.1", 0, **options)
    reader, writer = await api.open_connection(*server.sockets[0].getsockname(), **options)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        await finished
        server.close()
        await server.wait_closed()


async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


def says(*pieces):
    """A handler that sends the pieces and hangs up."""

    async def handler(reader, writer):
        writer.writelines(pieces)
        await writer.drain()

    return handler


def test_echo(run, loop, api):
    async def main():
        async with conversation(api, echo) as (reader, writer):
            for message in (b"one", b"two", b"three"):
                writer.write(message)
                await writer.drain()
                assert await reader.readexactly(len(message)) == message

    run(main())


def test_reads_until_the_end(run, loop, api):
    async def main():
        async with conversation(api, says(b"all ", b"of ", b"it")) as (reader, _):
            assert await reader.read() == b"all of it"
            assert reader.at_eof()
            assert await reader.read() == b""
            assert await reader.read(10) == b""

    run(main())


def test_readline(run, loop, api):
    async def main():
        async with conversation(api, says(b"first\nsecond\nrest")) as (reader, _):
            assert await reader.readline() == b"first\n"
            assert await reader.readline() == b"second\n"
            assert await reader.readline() == b"rest"
            assert await reader.readline() == b""

    run(main())


def test_iterating_over_lines(run, loop, api):
    async def main():
        async with conversation(api, says(b"a\nb\nc")) as (reader, _):
            assert [line async for line in reader] == [b"a\n", b"b\n", b"c"]

    run(main())


def test_line_longer_than_the_limit_is_an_error(run, loop, api):
    async def main():
        async with conversation(api, says(b"x" * 2000 + b"\n"), limit=100) as (reader, _):
            with pytest.raises(ValueError, match="Separator is not found|Separator is found"):
                await reader.readline()

    run(main())


def test_readexactly_too_few_bytes(run, loop, api):
    async def main():
        async with conversation(api, says(b"short")) as (reader, _):
            with pytest.raises(api.IncompleteReadError) as info:
                await reader.readexactly(10)
            assert info.value.partial == b"short"
            assert info.value.expected == 10

    run(main())


def test_readuntil(run, loop, api):
    async def main():
        async with conversation(api, says(b"key=value;rest")) as (reader, _):
            assert await reader.readuntil(b"=") == b"key="
            assert await reader.readuntil(b";") == b"value;"
            with pytest.raises(api.IncompleteReadError) as info:
                await reader.readuntil(b";")
            assert info.value.partial == b"rest"

    run(main())


def test_large_transfer_with_drain(run, loop, api):
    data = patterned(MORE_THAN_THE_KERNEL_TAKES)

    async def main():
        async with conversation(api, echo) as (reader, writer):

            async def send():
                for at in range(0, len(data), 100_000):
                    writer.write(data[at : at + 100_000])
                    await writer.drain()
                writer.write_eof()

            sending = asyncio.ensure_future(send())
            assert await reader.read() == data
            await sending

    run(main())


def test_reader_that_does_not_read_stops_the_sender(run, loop, api):
    async def main():
        paused = asyncio.Event()
        go_on = asyncio.Event()

        async def listens_late(reader, writer):
            await go_on.wait()
            received.append(await reader.read())

        received = []
        async with conversation(api, listens_late, limit=1024) as (_, writer):
            size = writer.transport.get_write_buffer_size
            for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, option, 65536)

            async def send():
                for _ in range(64):
                    writer.write(b"x" * 1024 * 1024)
                    if size() > 64 * 1024:
                        paused.set()
                    await writer.drain()
                writer.write_eof()

            sending = asyncio.ensure_future(send())
            await paused.wait()
            for _ in range(10):
                await asyncio.sleep(0)
            assert not sending.done()
            assert size() < 2 * 1024 * 1024
            go_on.set()
            await sending
        assert [len(data) for data in received] == [64 * 1024 * 1024]

    run(main(), deadline=25)


def test_drain_returns_at_once_below_the_mark(run, loop, api):
    async def main():
        async with conversation(api, echo) as (reader, writer):
            writer.write(b"x")
            step = writer.drain()
            with pytest.raises(StopIteration):
                step.send(None)
            assert await reader.readexactly(1) == b"x"

    run(main())


def test_write_eof_half_closes(run, loop, api):
    async def answers_the_whole(reader, writer):
        request = await reader.read()
        writer.write(b"got %d bytes" % len(request))

    async def main():
        async with conversation(api, answers_the_whole) as (reader, writer):
            assert writer.can_write_eof()
            writer.write(b"12345")
            writer.write_eof()
            assert await reader.read() == b"got 5 bytes"

    run(main())


def test_reset_reaches_a_waiting_reader(run, loop, api):
    async def main():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            reader, writer = await api.open_connection(*listener.getsockname())
            peer, _ = listener.accept()
            reading = asyncio.ensure_future(reader.read())
            await asyncio.sleep(0)
            reset(peer)
            with pytest.raises(ConnectionResetError):
                await reading
            writer.write(b"x")
            with pytest.raises(ConnectionResetError):
                await writer.drain()
            writer.close()
            with pytest.raises(ConnectionResetError):
                await writer.wait_closed()

    run(main())


def test_cancelled_read_loses_no_bytes(run, loop, api):
    async def main():
        async with conversation(api, echo) as (reader, writer):
            reading = asyncio.ensure_future(reader.readexactly(4))
            await asyncio.sleep(0)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            writer.write(b"data")
            assert await reader.readexactly(4) == b"data"

    run(main())


def test_open_connection_refused(run, loop, api):
    async def main():
        with pytest.raises(ConnectionRefusedError):
            await api.open_connection("127.0.0.1", unused_port())

    run(main())


def test_exception_in_a_client_callback_is_reported(run, loop, api, reported):
    async def fails(reader, writer):
        raise ArithmeticError("in the handler")

    async def main():
        server = await api.start_server(fails, "127.0.0.1", 0)
        reader, writer = await api.open_connection(*server.sockets[0].getsockname())
        assert await reader.read() == b""
        context = reported.take_one()
        assert context["message"] == "Unhandled exception in client_connected_cb"
        assert str(context["exception"]) == "in the handler"
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()

    run(main())
