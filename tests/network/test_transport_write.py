"""Transport.write and writelines: what may be written, and that every byte arrives in order."""

import asyncio
import sys

import pytest

from .peers import (
    MORE_THAN_THE_KERNEL_TAKES,
    Recorder,
    patterned,
    read_exactly,
    read_to_end,
    tcp_pair,
    wired,
)


@pytest.mark.parametrize(
    "data",
    [b"bytes", bytearray(b"bytearray"), memoryview(b"memoryview"), memoryview(b"-slice-")[1:6]],
    ids=["bytes", "bytearray", "memoryview", "memoryview-slice"],
)
def test_write_takes_bytes_like_objects(run, loop, data):
    async def main():
        async with wired(loop) as (transport, _, peer):
            assert transport.write(data) is None
            assert await read_exactly(loop, peer, len(data)) == bytes(data)

    run(main())


@pytest.mark.parametrize("data", ["text", 1, None, [b"x"], object()])
def test_write_refuses_everything_else(run, loop, data):
    async def main():
        async with wired(loop) as (transport, _, peer):
            with pytest.raises(TypeError) as info:
                transport.write(data)
            wanted = {"bytes, bytearray, or memoryview object"}
            if sys.version_info < (3, 14):
                # Later releases of asyncio 3.13 have the new text, too.
                wanted.add("bytes-like object")
            assert str(info.value) in {
                f"data argument must be a {each}, not {type(data).__name__!r}" for each in wanted
            }
            transport.write(b"unharmed")
            assert await read_exactly(loop, peer, 8) == b"unharmed"

    run(main())


def test_writing_nothing_does_nothing(run, loop):
    async def main():
        async with wired(loop) as (transport, _, peer):
            transport.write(b"")
            transport.writelines([])
            transport.write(b"x")
            transport.close()
            assert await read_to_end(loop, peer) == b"x"

    run(main())


def test_many_small_writes_keep_their_order(run, loop):
    pieces = [b"%d," % number for number in range(20_000)]

    async def main():
        async with wired(loop) as (transport, _, peer):
            for piece in pieces:
                transport.write(piece)
            expected = b"".join(pieces)
            assert await read_exactly(loop, peer, len(expected)) == expected

    run(main())


def test_large_write_reaches_a_slow_reader_whole(run, loop):
    data = patterned(MORE_THAN_THE_KERNEL_TAKES)

    async def main():
        async with wired(loop) as (transport, _, peer):
            transport.write(data)
            assert transport.get_write_buffer_size() > 0
            assert await read_exactly(loop, peer, len(data)) == data
            assert transport.get_write_buffer_size() == 0

    run(main())


def test_writes_behind_a_full_buffer_keep_their_order(run, loop):
    size = MORE_THAN_THE_KERNEL_TAKES // 4
    data = patterned(4 * size)

    async def main():
        async with wired(loop) as (transport, _, peer):
            transport.write(data[:size])
            transport.write(bytearray(data[size : 2 * size]))
            transport.writelines([data[2 * size : 3 * size], memoryview(data)[3 * size :]])
            assert await read_exactly(loop, peer, len(data)) == data

    run(main())


def test_bytes_written_while_the_buffer_drains_come_after_it(run, loop):
    first, second = patterned(MORE_THAN_THE_KERNEL_TAKES), b"second"

    class WritesWhenResumed(Recorder):
        def resume_writing(self):
            super().resume_writing()
            self.transport.write(second)

    async def main():
        async with wired(loop, WritesWhenResumed) as (transport, protocol, peer):
            transport.write(first)
            assert await read_exactly(loop, peer, len(first)) == first
            assert await read_exactly(loop, peer, len(second)) == second
            assert protocol.calls == ["connection_made", "pause_writing", "resume_writing"]

    run(main())


@pytest.mark.parametrize("container", [list, tuple])
def test_writelines_joins_the_pieces(run, loop, container):
    pieces = container([b"one ", bytearray(b"two "), memoryview(b"three")])

    async def main():
        async with wired(loop) as (transport, _, peer):
            transport.writelines(pieces)
            assert await read_exactly(loop, peer, 13) == b"one two three"

    run(main())


def test_writelines_of_more_pieces_than_one_system_call_takes(run, loop):
    pieces = [b"%05d" % number for number in range(5000)]

    async def main():
        async with wired(loop) as (transport, _, peer):
            transport.writelines(pieces)
            assert await read_exactly(loop, peer, 25_000) == b"".join(pieces)

    run(main())


def test_writelines_larger_than_the_kernel_takes(run, loop):
    data = patterned(MORE_THAN_THE_KERNEL_TAKES)
    step = 100_000

    async def main():
        async with wired(loop) as (transport, _, peer):
            transport.writelines([data[at : at + step] for at in range(0, len(data), step)])
            assert await read_exactly(loop, peer, len(data)) == data

    run(main())


def test_writelines_refuses_what_is_not_bytes(run, loop):
    async def main():
        async with wired(loop) as (transport, _, peer):
            with pytest.raises(TypeError):
                transport.writelines([b"fine", "text"])

    run(main())


def test_both_directions_at_once(run, loop):
    data = patterned(MORE_THAN_THE_KERNEL_TAKES)

    async def main():
        async with wired(loop) as (transport, protocol, peer):
            transport.write(data)
            incoming, _ = await asyncio.gather(
                read_exactly(loop, peer, len(data)), loop.sock_sendall(peer, data)
            )
            assert incoming == data
            assert await protocol.receive(len(data)) == data

    run(main())


def test_echo_of_everything_received(run, loop):
    data = patterned(MORE_THAN_THE_KERNEL_TAKES)

    class Echo(Recorder):
        def data_received(self, data):
            self.transport.write(data)

    async def main():
        async with wired(loop, Echo) as (_, _, peer):
            sending = asyncio.ensure_future(loop.sock_sendall(peer, data))
            assert await read_exactly(loop, peer, len(data)) == data
            await sending

    run(main())


def test_more_than_the_kernel_takes_from_connection_made(run, loop):
    class Talkative(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.write(patterned(MORE_THAN_THE_KERNEL_TAKES))
            transport.close()

    async def main():
        near, far = tcp_pair()
        with far:
            _, protocol = await loop.create_connection(Talkative, sock=near)
            assert await read_to_end(loop, far) == patterned(MORE_THAN_THE_KERNEL_TAKES)
            assert await protocol.lost is None

    run(main())


def test_write_from_connection_made(run, loop):
    class Greeting(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.write(b"hello")

    async def main():
        async with wired(loop, Greeting) as (_, _, peer):
            assert await read_exactly(loop, peer, 5) == b"hello"

    run(main())


def test_written_bytearray_may_be_changed_once_it_was_sent(run, loop):
    async def main():
        async with wired(loop) as (transport, _, peer):
            data = bytearray(b"before")
            transport.write(data)
            assert transport.get_write_buffer_size() == 0
            data[:] = b"after!"
            data.append(0)
            assert await read_exactly(loop, peer, 6) == b"before"

    run(main())
