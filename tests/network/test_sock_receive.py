"""loop.sock_recv, sock_recv_into, sock_recvfrom, sock_recvfrom_into on bare sockets."""

import asyncio
import socket

import pytest

from .peers import patterned, reset, tcp_pair


@pytest.fixture
def pair():
    near, far = tcp_pair()
    with near, far:
        yield near, far


@pytest.fixture
def datagrams():
    """Two bound, non-blocking UDP sockets."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as near,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far,
    ):
        for sock in (near, far):
            sock.bind(("127.0.0.1", 0))
            sock.setblocking(False)
        yield near, far


async def started(coroutine):
    """A task that has begun to wait."""
    task = asyncio.ensure_future(coroutine)
    await asyncio.sleep(0)
    assert not task.done()
    return task


def test_sock_recv_returns_what_is_there(run, loop, pair):
    near, far = pair

    async def main():
        far.send(b"hello")
        received = await loop.sock_recv(near, 100)
        assert type(received) is bytes
        assert received == b"hello"

    run(main())


def test_sock_recv_waits(run, loop, pair):
    near, far = pair

    async def main():
        task = await started(loop.sock_recv(near, 100))
        far.send(b"late")
        assert await task == b"late"

    run(main())


def test_sock_recv_takes_no_more_than_asked(run, loop, pair):
    near, far = pair

    async def main():
        far.send(b"abcdef")
        assert await loop.sock_recv(near, 2) == b"ab"
        assert await loop.sock_recv(near, 1) == b"c"
        assert await loop.sock_recv(near, 100) == b"def"

    run(main())


def test_sock_recv_at_the_end_is_empty(run, loop, pair):
    near, far = pair

    async def main():
        task = await started(loop.sock_recv(near, 100))
        far.close()
        assert await task == b""
        assert await loop.sock_recv(near, 100) == b""

    run(main())


def test_sock_recv_of_zero_bytes(run, loop, pair):
    near, far = pair

    async def main():
        far.send(b"kept")
        assert await loop.sock_recv(near, 0) == b""
        assert await loop.sock_recv(near, 10) == b"kept"

    run(main())


def test_sock_recv_negative_size(run, loop, pair):
    async def main():
        with pytest.raises(ValueError, match="^negative buffersize in recv$"):
            await loop.sock_recv(pair[0], -1)

    run(main())


def test_sock_recv_size_must_be_a_number(run, loop, pair):
    async def main():
        with pytest.raises(TypeError, match="'str' object cannot be interpreted as an integer"):
            await loop.sock_recv(pair[0], "many")

    run(main())


def test_sock_recv_into_fills_the_buffer(run, loop, pair):
    near, far = pair

    async def main():
        buffer = bytearray(b"........")
        task = await started(loop.sock_recv_into(near, buffer))
        far.send(b"hello")
        assert await task == 5
        assert buffer == b"hello..."
        view = memoryview(buffer)[6:]
        far.send(b"xyz")
        assert await loop.sock_recv_into(near, view) == 2
        assert buffer == b"hello.xy"
        assert await loop.sock_recv_into(near, buffer) == 1

    run(main())


@pytest.mark.parametrize("buffer", [b"read-only", "text", None])
def test_sock_recv_into_needs_a_writable_buffer(run, loop, pair, buffer):
    near, far = pair

    async def main():
        far.send(b"x")
        with pytest.raises(TypeError):
            await loop.sock_recv_into(near, buffer)

    run(main())


def test_sock_recvfrom_gives_data_and_sender(run, loop, datagrams):
    near, far = datagrams

    async def main():
        task = await started(loop.sock_recvfrom(near, 100))
        far.sendto(b"datagram", near.getsockname())
        assert await task == (b"datagram", far.getsockname())
        far.sendto(b"already there", near.getsockname())
        assert await loop.sock_recvfrom(near, 100) == (b"already there", far.getsockname())

    run(main())


def test_sock_recvfrom_cuts_a_datagram_to_the_size(run, loop, datagrams):
    near, far = datagrams

    async def main():
        far.sendto(b"0123456789", near.getsockname())
        assert await loop.sock_recvfrom(near, 4) == (b"0123", far.getsockname())

    run(main())


@pytest.mark.parametrize(("limit", "received"), [(0, 8), (3, 3)])
def test_sock_recvfrom_into_gives_count_and_sender(run, loop, datagrams, limit, received):
    near, far = datagrams

    async def main():
        buffer = bytearray(b"." * 10)
        task = await started(loop.sock_recvfrom_into(near, buffer, limit))
        far.sendto(b"datagram", near.getsockname())
        assert await task == (received, far.getsockname())
        assert buffer == b"datagram"[:received] + b"." * (10 - received)

    run(main())


def test_reset_is_raised_to_the_reader(run, loop, pair):
    near, far = pair

    async def main():
        task = await started(loop.sock_recv(near, 100))
        reset(far)
        with pytest.raises(ConnectionResetError):
            await task

    run(main())


def test_cancelled_receive_takes_nothing_and_the_socket_goes_on(run, loop, pair):
    near, far = pair

    async def main():
        task = await started(loop.sock_recv(near, 100))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert loop.remove_reader(near) is False
        far.send(b"untouched")
        assert await loop.sock_recv(near, 100) == b"untouched"

    run(main())


def test_receive_with_a_timeout_can_be_repeated(run, loop, pair):
    near, far = pair

    async def main():
        for _ in range(3):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(loop.sock_recv(near, 100), 0.001)
        far.send(b"at last")
        assert await asyncio.wait_for(loop.sock_recv(near, 100), 10) == b"at last"

    run(main())


def test_many_receives_in_a_row(run, loop, pair):
    near, far = pair
    data = patterned(100_000)

    async def main():
        sending = asyncio.ensure_future(loop.sock_sendall(far, data))
        received = bytearray()
        while len(received) < len(data):
            received += await loop.sock_recv(near, 1000)
        await sending
        assert received == data

    run(main())


def test_second_reader_takes_the_place_of_the_first(run, loop, pair):
    near, far = pair

    async def main():
        first = await started(loop.sock_recv(near, 100))
        second = await started(loop.sock_recv(near, 100))
        far.send(b"for the second")
        assert await second == b"for the second"
        assert not first.done()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        far.send(b"and on")
        assert await loop.sock_recv(near, 100) == b"and on"

    run(main())


def test_cancelling_a_replaced_reader_leaves_its_successor_waiting(run, loop, pair):
    near, far = pair

    async def main():
        first = await started(loop.sock_recv(near, 100))
        second = await started(loop.sock_recv(near, 100))
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        far.send(b"still for the second")
        assert await second == b"still for the second"

    run(main())


def test_reading_and_writing_one_socket_at_once(run, loop, pair):
    near, far = pair

    async def main():
        reading = await started(loop.sock_recv(near, 100))
        await loop.sock_sendall(near, b"out")
        assert await loop.sock_recv(far, 100) == b"out"
        far.send(b"in")
        assert await reading == b"in"

    run(main())
