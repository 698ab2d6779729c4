"""loop.sock_sendall and sock_sendto on bare sockets."""

import array
import asyncio
import socket

import pytest

from .peers import MORE_THAN_THE_KERNEL_TAKES, patterned, read_exactly, reset, tcp_pair


@pytest.fixture
def pair():
    near, far = tcp_pair()
    with near, far:
        yield near, far


@pytest.mark.parametrize(
    "data",
    [b"bytes", bytearray(b"bytearray"), memoryview(b"memoryview"), b""],
    ids=["bytes", "bytearray", "memoryview", "empty"],
)
def test_sock_sendall_sends_bytes_like_objects(run, loop, pair, data):
    near, far = pair

    async def main():
        assert await loop.sock_sendall(near, data) is None
        assert await read_exactly(loop, far, len(data)) == bytes(data)

    run(main())


@pytest.mark.parametrize("data", ["text", 5, None])
def test_sock_sendall_refuses_everything_else(run, loop, pair, data):
    async def main():
        with pytest.raises(TypeError, match="a bytes-like object is required, not"):
            await loop.sock_sendall(pair[0], data)

    run(main())


@pytest.mark.parametrize("kind_of_buffer", [bytes, bytearray, memoryview])
def test_sock_sendall_to_a_slow_reader(run, loop, pair, kind_of_buffer):
    near, far = pair
    data = patterned(MORE_THAN_THE_KERNEL_TAKES)

    async def main():
        sending = asyncio.ensure_future(loop.sock_sendall(near, kind_of_buffer(data)))
        await asyncio.sleep(0)
        assert not sending.done()
        assert await read_exactly(loop, far, len(data)) == data
        assert await sending is None

    run(main())


def test_cancelled_send_frees_the_socket(run, loop, pair):
    near, far = pair
    data = patterned(MORE_THAN_THE_KERNEL_TAKES)

    async def main():
        sending = asyncio.ensure_future(loop.sock_sendall(near, data))
        await asyncio.sleep(0)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert loop.remove_writer(near) is False
        near.shutdown(socket.SHUT_WR)
        received = await read_exactly(loop, far, len(data))
        assert 0 < len(received) < len(data)
        assert data.startswith(received)

    run(main())


def test_cancelled_send_releases_its_buffer(run, loop, pair):
    async def main():
        data = bytearray(MORE_THAN_THE_KERNEL_TAKES)
        sending = asyncio.ensure_future(loop.sock_sendall(pair[0], data))
        await asyncio.sleep(0)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        del sending
        # A bytearray somebody still looks into cannot be resized.
        data.append(0)
        assert len(data) == MORE_THAN_THE_KERNEL_TAKES + 1

    run(main())


def test_send_to_a_reader_that_resets(run, loop, pair):
    near, far = pair

    async def main():
        sending = asyncio.ensure_future(
            loop.sock_sendall(near, patterned(MORE_THAN_THE_KERNEL_TAKES))
        )
        await asyncio.sleep(0)
        reset(far)
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            await sending

    run(main())


def test_sock_sendto_sends_a_datagram(run, loop):
    async def main():
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as near,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far,
        ):
            for sock in (near, far):
                sock.bind(("127.0.0.1", 0))
                sock.setblocking(False)
            assert await loop.sock_sendto(near, b"datagram", far.getsockname()) == 8
            assert await loop.sock_recvfrom(far, 100) == (b"datagram", near.getsockname())
            assert await loop.sock_sendto(near, b"", far.getsockname()) == 0
            assert await loop.sock_recvfrom(far, 100) == (b"", near.getsockname())
            assert await loop.sock_sendto(near, array.array("B", b"abc"), far.getsockname()) == 3
            assert await loop.sock_recvfrom(far, 100) == (b"abc", near.getsockname())

    run(main())


def test_a_full_datagram_socket_makes_the_sender_wait(run, loop):
    async def main():
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with near, far:
            for sock in (near, far):
                sock.setblocking(False)
            waiting = 0
            while True:
                try:
                    near.send(b"x" * 1000)
                except BlockingIOError:
                    break
                waiting += 1
            sending = asyncio.ensure_future(loop.sock_sendall(near, b"last"))
            await asyncio.sleep(0)
            assert not sending.done()
            for _ in range(waiting):
                assert len(await loop.sock_recv(far, 2000)) == 1000
            await sending
            assert await loop.sock_recv(far, 2000) == b"last"

    run(main())


def test_sock_sendto_bad_address(run, loop):
    async def main():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            with pytest.raises(TypeError, match="address must be tuple, not str"):
                await loop.sock_sendto(sock, b"x", "127.0.0.1")
            with pytest.raises(OverflowError, match="port must be 0-65535"):
                await loop.sock_sendto(sock, b"x", ("127.0.0.1", 65536))

    run(main())


def test_sock_sendto_too_large_a_datagram(run, loop):
    async def main():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            with pytest.raises(OSError, match="[Mm]essage too long"):
                await loop.sock_sendto(sock, b"x" * 70_000, ("127.0.0.1", 9))

    run(main())


def test_sock_sendto_needs_bytes(run, loop):
    async def main():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            with pytest.raises(TypeError, match="a bytes-like object is required, not 'str'"):
                await loop.sock_sendto(sock, "text", ("127.0.0.1", 9))

    run(main())
