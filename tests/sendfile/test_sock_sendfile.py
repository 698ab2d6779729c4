"""loop.sock_sendfile: what arrives, where the file stands afterwards, what ends it early."""

import asyncio
import io
import os
import threading

import pytest
from network.peers import (
    MORE_THAN_THE_KERNEL_TAKES,
    patterned,
    read_exactly,
    read_to_end,
    reset,
    tcp_pair,
)

LARGE = patterned(MORE_THAN_THE_KERNEL_TAKES)
#: Whether asyncio sets the position even when nothing is sent: since 3.14, and since some
#: release of the versions before.
MOVES_ALWAYS = "total_sent" not in (
    asyncio.SelectorEventLoop._sock_sendfile_update_filepos.__code__.co_varnames
)
BY = {"by the kernel": False, "by the fallback": True}


@pytest.fixture(params=BY, ids=lambda name: name.replace(" ", "-"))
def source(request, file_of):
    """Makes a file that the kernel can send by itself, or one that must be read."""

    class WithoutDescriptor(io.BytesIO):
        mode = "rb"

    return WithoutDescriptor if BY[request.param] else file_of


@pytest.mark.parametrize(
    "size, offset, count, expected",
    [
        (10, 0, None, (0, 10)),
        (10, 3, None, (3, 10)),
        (10, 0, 4, (0, 4)),
        (10, 3, 4, (3, 7)),
        (10, 3, 7, (3, 10)),
        (10, 3, 100, (3, 10)),
        (10, 10, None, (10, 10)),
        (10, 20, None, (20, 20)),
        (10, 20, 5, (20, 20)),
        (0, 0, None, (0, 0)),
        (0, 0, 5, (0, 0)),
        (300_000, 1, 299_998, (1, 299_999)),
    ],
)
def test_what_is_sent(run, loop, pair, source, size, offset, count, expected):
    near, far = pair
    data = patterned(size)
    start, end = expected

    async def main():
        file = source(data)
        sending = loop.create_task(loop.sock_sendfile(near, file, offset, count))
        assert await read_exactly(loop, far, end - start) == data[start:end]
        assert await sending == end - start
        if end > start:
            assert file.tell() == end
        near.close()
        assert await read_to_end(loop, far) == b""

    run(main())


def test_more_than_the_kernel_takes(run, loop, pair, source):
    near, far = pair

    async def main():
        file = source(LARGE)
        sending = loop.create_task(loop.sock_sendfile(near, file))
        assert await read_exactly(loop, far, len(LARGE)) == LARGE
        assert await sending == len(LARGE)
        assert file.tell() == len(LARGE)

    run(main())


def test_offset_counts_from_the_beginning_of_the_file(run, loop, pair, file_of):
    near, far = pair

    async def main():
        file = file_of(b"0123456789")
        file.seek(5)
        assert await loop.sock_sendfile(near, file, 2, 3) == 3
        assert await read_exactly(loop, far, 3) == b"234"
        assert file.tell() == 5
        # Nought as well, where the kernel sends.
        assert await loop.sock_sendfile(near, file) == 10
        assert await read_exactly(loop, far, 10) == b"0123456789"

    run(main())


def test_the_position_when_nothing_is_sent(run, loop, pair, file_of):
    near, _ = pair

    async def main():
        file = file_of(b"0123456789")
        file.seek(5)
        assert await loop.sock_sendfile(near, file, 10) == 0
        assert file.tell() == (10 if MOVES_ALWAYS else 5)

    run(main())


def test_between_other_data(run, loop, pair, source):
    near, far = pair

    async def send():
        await loop.sock_sendall(near, b"before" * 20_000)
        await loop.sock_sendfile(near, source(LARGE))
        await loop.sock_sendall(near, b"after" * 20_000)
        near.close()

    async def main():
        sending = loop.create_task(send())
        received = await read_to_end(loop, far)
        assert received == b"before" * 20_000 + LARGE + b"after" * 20_000
        await sending

    run(main())


def test_loop_goes_on_meanwhile(run, loop, pair, source):
    near, far = pair

    async def main():
        sending = loop.create_task(loop.sock_sendfile(near, source(LARGE)))
        turns = 0
        received = 0
        while not sending.done():
            await asyncio.sleep(0)
            turns += 1
            # One small read per iteration: sending takes as many iterations as the reader wants.
            try:
                received += len(far.recv(256 * 1024))
            except BlockingIOError:
                pass
        assert turns > 4
        received += len(await read_exactly(loop, far, len(LARGE) - received))
        assert received == len(LARGE)

    run(main())


def test_reader_as_fast_as_the_writer_does_not_stop_the_loop(run, loop, pair, file_of):
    # The peer is another thread that reads whatever there is: the kernel may never
    # refuse anything, and the loop must get its turns all the same.
    near, far = pair
    size = 64 * 1024 * 1024
    far.setblocking(True)
    file = file_of(b"")
    os.truncate(file.name, size)

    def read_all():
        left = size
        while left:
            left -= len(far.recv(1024 * 1024))

    reader = threading.Thread(target=read_all)
    reader.start()

    async def main():
        sending = loop.create_task(loop.sock_sendfile(near, file))
        turns = 0
        while not sending.done():
            await asyncio.sleep(0)
            turns += 1
        assert await sending == size
        assert turns >= 8

    try:
        run(main())
    finally:
        near.close()
        reader.join(10)


def test_file_that_has_no_descriptor_is_not_available_to_the_kernel(run, loop, pair):
    near, _ = pair
    file = io.BytesIO(b"data")
    with pytest.raises(asyncio.SendfileNotAvailableError) as raised:
        run(loop.sock_sendfile(near, file, fallback=False))
    assert str(raised.value) == "not a regular file"
    assert file.tell() == 0


def test_file_that_the_system_refuses_is_not_available(run, loop, kind, pair):
    near, _ = pair
    reader, writer = os.pipe()
    os.close(writer)
    with open(reader, "rb") as pipe:
        # Then asyncio cannot set the position of a pipe, either.
        position_counts = kind == "asyncio" and MOVES_ALWAYS
        expected = OSError if position_counts else asyncio.SendfileNotAvailableError
        with pytest.raises(expected) as raised:
            run(loop.sock_sendfile(near, pipe, 0, 10, fallback=False))
    if not position_counts:
        assert str(raised.value) == "os.sendfile call failed"


def test_fallback_reads_in_another_thread(run, loop, pair):
    near, far = pair
    threads = set()

    class Watched(io.BytesIO):
        def readinto(self, buffer):
            threads.add(threading.current_thread())
            return super().readinto(buffer)

    async def main():
        assert await loop.sock_sendfile(near, Watched(b"data")) == 4
        assert await read_exactly(loop, far, 4) == b"data"
        assert threads and threading.current_thread() not in threads

    run(main())


def test_error_of_the_file_reaches_the_caller(run, loop, pair):
    near, far = pair

    class Broken(io.BytesIO):
        def readinto(self, buffer):
            if self.tell() > 0:
                raise ArithmeticError("cannot read on")
            buffer[:4] = b"data"
            self.seek(4)
            return 4

    async def main():
        file = Broken(b"data and more")
        with pytest.raises(ArithmeticError, match="cannot read on"):
            await loop.sock_sendfile(near, file)
        assert file.tell() == 4
        assert await read_exactly(loop, far, 4) == b"data"

    run(main())


def test_peer_that_goes_away_in_the_middle(run, loop, source):
    async def main():
        near, far = tcp_pair()
        with near, far:
            file = source(LARGE)
            sending = loop.create_task(loop.sock_sendfile(near, file))
            received = len(await read_exactly(loop, far, 100_000))
            assert not sending.done()
            reset(far)
            with pytest.raises(ConnectionError):
                await sending
            assert received <= file.tell() < len(LARGE)

    run(main())


def test_peer_that_was_gone_before(run, loop, pair, source):
    near, far = pair
    far.close()

    async def main():
        file = source(LARGE)
        # The first write may still be taken; a TCP peer answers it by a reset.
        with pytest.raises(ConnectionError):
            for _ in range(2):
                await loop.sock_sendfile(near, file)
                await asyncio.sleep(0)

    run(main())


def test_closed_socket(run, loop, pair, file_of):
    near, _ = pair
    near.close()
    file = file_of(b"data")
    with pytest.raises(OSError, match="Bad file descriptor"):
        run(loop.sock_sendfile(near, file))
    with pytest.raises(asyncio.SendfileNotAvailableError, match="os.sendfile call failed"):
        run(loop.sock_sendfile(near, file, fallback=False))


def test_cancellation_in_the_middle(run, loop, pair, source):
    near, far = pair

    async def main():
        file = source(LARGE)
        sending = loop.create_task(loop.sock_sendfile(near, file))
        await read_exactly(loop, far, 100_000)
        assert not sending.done()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        # Nothing watches the socket any more, and it can be used for other things.
        assert not loop.remove_writer(near.fileno())
        drained = loop.create_task(read_to_end(loop, far))
        await loop.sock_sendall(near, b"other things")
        near.close()
        rest = await drained
        assert rest.endswith(b"other things")
        assert LARGE[100_000:].startswith(rest[: -len(b"other things")])

    run(main())


def test_position_after_a_cancellation(run, loop, kind, pair, file_of):
    near, far = pair

    async def main():
        file = file_of(LARGE)
        sending = loop.create_task(loop.sock_sendfile(near, file))
        await read_exactly(loop, far, 100_000)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        near.close()
        sent = 100_000 + len(await read_to_end(loop, far))
        # The standard library sets it only if the socket happens to be writable.
        assert file.tell() in ([sent] if kind == "aioxide" else [0, sent])

    run(main())


def test_cancelled_before_it_begins(run, loop, pair, file_of, turn):
    near, far = pair
    file = file_of(b"data")
    sending = loop.create_task(loop.sock_sendfile(near, file))
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(sending)
    with pytest.raises(BlockingIOError):
        far.recv(1)
    assert file.tell() == 0
