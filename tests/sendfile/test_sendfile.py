"""loop.sendfile: a file through a transport, and what the protocol notices of it."""

import asyncio
import contextlib
import io
import socket
import sys
from asyncio import constants

import pytest
from network.peers import (
    MORE_THAN_THE_KERNEL_TAKES,
    Recorder,
    patterned,
    read_exactly,
    read_to_end,
    reset,
)

LARGE = patterned(MORE_THAN_THE_KERNEL_TAKES)
BY = {"by the kernel": False, "by the fallback": True}


@pytest.fixture
def not_in_the_standard_library(kind):
    """For what the standard library gets wrong: only aioxide is held to it."""
    if kind == "asyncio":
        pytest.skip("the standard library leaves a transport like this unusable")


@pytest.fixture(params=BY, ids=lambda name: name.replace(" ", "-"))
def source(request, file_of):
    """Makes a file that the kernel can send by itself, or one that must be read."""
    return io.BytesIO if BY[request.param] else file_of


@pytest.fixture
def connected(loop, pair):
    """Gives one socket of a pair a transport: (transport, its protocol, the bare peer)."""

    @contextlib.asynccontextmanager
    async def connect():
        near, far = pair
        transport, protocol = await loop.connect_accepted_socket(Recorder, near)
        try:
            yield transport, protocol, far
        finally:
            if not protocol.lost.done():
                transport.abort()
                await protocol.lost

    return connect


@pytest.mark.parametrize(
    "size, offset, count, expected",
    [
        (10, 0, None, (0, 10)),
        (10, 3, None, (3, 10)),
        (10, 3, 4, (3, 7)),
        (10, 3, 100, (3, 10)),
        (10, 10, None, (10, 10)),
        (10, 20, 5, (20, 20)),
        (0, 0, None, (0, 0)),
        (300_000, 1, 299_998, (1, 299_999)),
    ],
)
def test_what_is_sent(run, loop, connected, source, size, offset, count, expected):
    data = patterned(size)
    start, end = expected

    async def main():
        async with connected() as (transport, protocol, peer):
            file = source(data)
            sending = loop.create_task(loop.sendfile(transport, file, offset, count))
            assert await read_exactly(loop, peer, end - start) == data[start:end]
            assert await sending == end - start
            if end > start:
                assert file.tell() == end
            transport.close()
            assert await read_to_end(loop, peer) == b""
            assert await protocol.lost is None

    run(main())


def test_more_than_the_kernel_takes(run, loop, connected, source):
    async def main():
        async with connected() as (transport, _, peer):
            file = source(LARGE)
            sending = loop.create_task(loop.sendfile(transport, file))
            assert await read_exactly(loop, peer, len(LARGE)) == LARGE
            assert await sending == len(LARGE)
            assert file.tell() == len(LARGE)

    run(main())


def test_behind_what_was_written_before(run, loop, connected, source):
    async def main():
        async with connected() as (transport, _, peer):
            transport.write(LARGE[::-1])
            assert transport.get_write_buffer_size() > 0
            sending = loop.create_task(loop.sendfile(transport, source(LARGE)))
            assert await read_exactly(loop, peer, len(LARGE)) == LARGE[::-1]
            assert await read_exactly(loop, peer, len(LARGE)) == LARGE
            await sending
            transport.write(b"and after")
            assert await read_exactly(loop, peer, 9) == b"and after"

    run(main())


def test_empty_file_waits_for_what_was_written_before(run, loop, connected, file_of):
    async def main():
        async with connected() as (transport, _, peer):
            transport.write(LARGE)
            sending = loop.create_task(loop.sendfile(transport, file_of(b"")))
            for _ in range(5):
                await asyncio.sleep(0)
            assert not sending.done()
            await read_exactly(loop, peer, len(LARGE))
            assert await sending == 0
            assert transport.get_write_buffer_size() == 0

    run(main())


def test_several_files_one_after_the_other(run, loop, connected, source):
    async def main():
        async with connected() as (transport, _, peer):
            receiving = loop.create_task(read_exactly(loop, peer, 30))
            for _ in range(3):
                assert await loop.sendfile(transport, source(b"0123456789")) == 10
            assert await receiving == b"0123456789" * 3

    run(main())


@pytest.mark.parametrize("method, data", [("write", b"x"), ("write", b""), ("writelines", [b"x"])])
def test_writing_meanwhile_is_refused(run, loop, connected, file_of, method, data):
    async def main():
        async with connected() as (transport, _, peer):
            sending = loop.create_task(loop.sendfile(transport, file_of(LARGE)))
            await read_exactly(loop, peer, 1000)
            with pytest.raises(RuntimeError) as raised:
                getattr(transport, method)(data)
            named = method if sys.version_info >= (3, 12) else "write"
            assert str(raised.value) == f"unable to {named}; sendfile is in progress"
            await read_exactly(loop, peer, len(LARGE) - 1000)
            await sending
            getattr(transport, method)(data)

    run(main())


def test_nothing_is_received_meanwhile(run, loop, connected, source):
    async def main():
        async with connected() as (transport, protocol, peer):
            sending = loop.create_task(loop.sendfile(transport, source(LARGE)))
            await asyncio.sleep(0)
            await loop.sock_sendall(peer, b"a question")
            assert not transport.is_reading()
            await read_exactly(loop, peer, 100_000)
            assert protocol.calls == ["connection_made"]
            assert not sending.done()
            await read_exactly(loop, peer, len(LARGE) - 100_000)
            await sending
            assert transport.is_reading()
            assert transport.get_protocol() is protocol
            assert await protocol.receive(10) == b"a question"

    run(main())


def test_reading_that_was_paused_stays_paused(run, loop, connected, source):
    async def main():
        async with connected() as (transport, protocol, peer):
            transport.pause_reading()
            receiving = loop.create_task(read_exactly(loop, peer, len(LARGE)))
            await loop.sendfile(transport, source(LARGE))
            await receiving
            assert not transport.is_reading()
            transport.resume_reading()
            await loop.sock_sendall(peer, b"now")
            assert await protocol.receive(3) == b"now"

    run(main())


def test_end_of_the_peer_is_seen_afterwards(run, loop, connected, source):
    async def main():
        async with connected() as (transport, protocol, peer):
            peer.shutdown(socket.SHUT_WR)
            receiving = loop.create_task(read_exactly(loop, peer, len(LARGE)))
            assert await loop.sendfile(transport, source(LARGE)) == len(LARGE)
            assert await receiving == LARGE
            assert await protocol.lost is None
            assert protocol.calls == ["connection_made", "eof_received", "connection_lost"]

    run(main())


def test_loop_goes_on_meanwhile(run, loop, connected, source):
    async def main():
        async with connected() as (transport, _, peer):
            sending = loop.create_task(loop.sendfile(transport, source(LARGE)))
            turns = received = 0
            while not sending.done():
                await asyncio.sleep(0)
                turns += 1
                with contextlib.suppress(BlockingIOError):
                    received += len(peer.recv(256 * 1024))
            assert turns > 4
            await read_exactly(loop, peer, len(LARGE) - received)

    run(main())


def test_closing_transport_is_refused(run, loop, connected, file_of):
    async def main():
        async with connected() as (transport, protocol, _):
            transport.close()
            file = file_of(b"data")
            with pytest.raises(RuntimeError) as raised:
                await loop.sendfile(transport, file)
            assert str(raised.value) == "Transport is closing"
            assert file.tell() == 0
            await protocol.lost

    run(main())


def test_peer_that_goes_away_in_the_middle(run, loop, connected, source):
    async def main():
        async with connected() as (transport, protocol, peer):
            file = source(LARGE)
            sending = loop.create_task(loop.sendfile(transport, file))
            received = len(await read_exactly(loop, peer, 100_000))
            if peer.family == socket.AF_INET:
                reset(peer)
            else:
                peer.close()
            with pytest.raises(ConnectionError):
                await sending
            assert received <= file.tell() < len(LARGE)
            await protocol.lost
            assert transport.is_closing()
            assert protocol.calls[-1] == "connection_lost"

    run(main())


def test_peer_that_was_gone_before(run, loop, connected, source):
    async def main():
        async with connected() as (transport, protocol, peer):
            transport.pause_reading()
            peer.close()
            with pytest.raises((ConnectionError, RuntimeError)):
                for _ in range(3):
                    await loop.sendfile(transport, source(LARGE))
            transport.abort()
            await protocol.lost

    run(main())


# The standard library goes on to wait for a socket that is closed.
@pytest.mark.usefixtures("not_in_the_standard_library")
@pytest.mark.parametrize("method", ["close", "abort"])
@pytest.mark.parametrize("written", [b"", LARGE], ids=["sending", "draining"])
def test_transport_closed_in_the_middle(run, loop, connected, file_of, method, written):
    async def main():
        async with connected() as (transport, protocol, peer):
            transport.write(written)
            sending = loop.create_task(loop.sendfile(transport, file_of(LARGE)))
            await asyncio.sleep(0)
            await read_exactly(loop, peer, 1000)
            getattr(transport, method)()
            receiving = loop.create_task(read_to_end(loop, peer))
            with pytest.raises(ConnectionError) as raised:
                await sending
            assert str(raised.value) == "Connection is closed by peer"
            assert await protocol.lost is None
            await receiving

    run(main())


def test_cancellation_in_the_middle(run, loop, connected, source):
    async def main():
        async with connected() as (transport, protocol, peer):
            sending = loop.create_task(loop.sendfile(transport, source(LARGE)))
            await read_exactly(loop, peer, 100_000)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            assert transport.get_protocol() is protocol
            assert transport.is_reading()
            await loop.sock_sendall(peer, b"still there?")
            assert await protocol.receive(12) == b"still there?"
            transport.write(b"yes")
            transport.close()
            rest = await read_to_end(loop, peer)
            assert rest.endswith(b"yes")
            assert LARGE[100_000:].startswith(rest[:-3])

    run(main())


# The standard library's transport neither reads nor writes after that.
@pytest.mark.usefixtures("not_in_the_standard_library")
def test_cancellation_while_earlier_data_is_written(run, loop, connected, file_of):
    async def main():
        async with connected() as (transport, protocol, peer):
            transport.write(LARGE)
            file = file_of(b"never sent")
            sending = loop.create_task(loop.sendfile(transport, file))
            await asyncio.sleep(0)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            assert transport.is_reading()
            transport.write(b"more")
            transport.close()
            assert await read_to_end(loop, peer) == LARGE + b"more"
            assert file.tell() == 0

    run(main())


def test_second_file_at_the_same_time_is_refused(run, loop, connected, file_of):
    async def main():
        async with connected() as (transport, _, peer):
            first = loop.create_task(loop.sendfile(transport, file_of(LARGE)))
            await read_exactly(loop, peer, 1000)
            # The standard library stumbles over its own table.
            with pytest.raises((RuntimeError, KeyError)):
                await loop.sendfile(transport, file_of(b"second"))
            assert not transport.is_reading()
            assert await read_exactly(loop, peer, len(LARGE) - 1000) == LARGE[1000:]
            assert await first == len(LARGE)
            assert transport.is_reading()

    run(main())


def test_ended_writing_side_is_refused(run, loop, connected, file_of):
    async def main():
        async with connected() as (transport, _, _):
            transport.write_eof()
            with pytest.raises(RuntimeError) as raised:
                await loop.sendfile(transport, file_of(b"data"))
            assert str(raised.value) == "Cannot call write() after write_eof()"

    run(main())


def test_fallback_hears_of_flow_control(run, loop, connected):
    async def main():
        async with connected() as (transport, protocol, peer):
            transport.set_write_buffer_limits(high=1000, low=100)
            file = io.BytesIO(LARGE)
            sending = loop.create_task(loop.sendfile(transport, file))
            await read_exactly(loop, peer, 100_000)
            while file.tell() < 100_000:
                await asyncio.sleep(0)
            # No more is read than the transport lets through.
            assert transport.get_write_buffer_size() <= 1000 + 16 * 1024
            assert protocol.calls == ["connection_made"]
            assert await read_exactly(loop, peer, len(LARGE) - 100_000) == LARGE[100_000:]
            assert await sending == len(LARGE)

    run(main())


def test_fallback_waits_until_a_paused_transport_is_writable(run, loop, connected):
    async def main():
        async with connected() as (transport, protocol, peer):
            transport.write(LARGE)
            assert protocol.calls == ["connection_made", "pause_writing"]
            sending = loop.create_task(loop.sendfile(transport, io.BytesIO(b"the file")))
            assert await read_exactly(loop, peer, len(LARGE)) == LARGE
            assert await read_exactly(loop, peer, 8) == b"the file"
            await sending
            assert protocol.calls == ["connection_made", "pause_writing", "resume_writing"]

    run(main())


def test_fallback_can_be_refused(run, loop, connected):
    async def main():
        async with connected() as (transport, _, _):
            with pytest.raises(asyncio.SendfileNotAvailableError) as raised:
                await loop.sendfile(transport, io.BytesIO(b"data"), fallback=False)
            assert str(raised.value) == "not a regular file"
            assert transport.is_reading()
            transport.write(b"x")

    run(main())


class Foreign(asyncio.Transport):
    def is_closing(self):
        return False


def test_transport_that_sends_no_files(run, loop, file_of):
    transport = Foreign()
    with pytest.raises(RuntimeError) as raised:
        run(loop.sendfile(transport, file_of(b"data")))
    assert str(raised.value) == f"sendfile is not supported for transport {transport!r}"


def test_transport_without_flow_control(run, loop, file_of):
    transport = Foreign()
    transport._sendfile_compatible = constants._SendfileMode.FALLBACK
    with pytest.raises(RuntimeError) as raised:
        run(loop.sendfile(transport, file_of(b"data"), fallback=False))
    assert str(raised.value) == (
        f"fallback is disabled and native sendfile is not supported for transport {transport!r}"
    )
    with pytest.raises(TypeError, match="transport should be _FlowControlMixin instance"):
        run(loop.sendfile(transport, file_of(b"data")))
