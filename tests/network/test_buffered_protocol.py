"""BufferedProtocol: the protocol lends the memory that the loop reads into."""

import asyncio

import pytest

from .peers import MORE_THAN_THE_KERNEL_TAKES, Recorder, patterned, wired


class BufferedRecorder(Recorder, asyncio.BufferedProtocol):
    """A Recorder that receives through a buffer of its own of `size` bytes."""

    size = 1024

    def __init__(self):
        super().__init__()
        self.buffer = bytearray(self.size)
        self.hints = []

    def get_buffer(self, sizehint):
        self.hints.append(sizehint)
        return self.buffer

    def buffer_updated(self, nbytes):
        self.data_received(self.buffer[:nbytes])


def test_data_goes_through_the_protocols_buffer(run, loop):
    async def main():
        async with wired(loop, BufferedRecorder) as (_, protocol, peer):
            peer.send(b"hello")
            assert await protocol.receive(5) == b"hello"
            assert protocol.buffer[:5] == b"hello"
            assert set(protocol.hints) == {-1}

    run(main())


@pytest.mark.parametrize("size", [1, 100, 65536])
def test_no_read_is_larger_than_the_buffer(run, loop, size):
    sent = patterned(size * 20)
    sizes = []

    class Sized(BufferedRecorder):
        def buffer_updated(self, nbytes):
            sizes.append(nbytes)
            super().buffer_updated(nbytes)

    Sized.size = size

    async def main():
        async with wired(loop, Sized) as (_, protocol, peer):
            sending = asyncio.ensure_future(loop.sock_sendall(peer, sent))
            assert await protocol.receive(len(sent)) == sent
            await sending

    run(main())
    assert max(sizes) <= size


@pytest.mark.parametrize("wrap", [memoryview, lambda buffer: memoryview(buffer)[10:]])
def test_buffer_may_be_any_writable_view(run, loop, wrap):
    class Views(BufferedRecorder):
        def get_buffer(self, sizehint):
            self.view = wrap(self.buffer)
            return self.view

        def buffer_updated(self, nbytes):
            self.data_received(bytes(self.view[:nbytes]))

    async def main():
        async with wired(loop, Views) as (_, protocol, peer):
            peer.send(b"hello")
            assert await protocol.receive(5) == b"hello"

    run(main())


def test_end_of_file_is_not_a_buffer_update(run, loop):
    async def main():
        async with wired(loop, BufferedRecorder) as (_, protocol, peer):
            peer.send(b"last")
            peer.close()
            assert await protocol.lost is None
            assert protocol.received == b"last"
            assert protocol.calls[-2:] == ["eof_received", "connection_lost"]

    run(main())


def failing(method, action):
    def call(self, argument):
        return action()

    return type("Failing", (BufferedRecorder,), {method: call})


def raise_arithmetic_error():
    raise ArithmeticError("in the protocol")


@pytest.mark.parametrize("method", ["get_buffer", "buffer_updated"])
def test_exception_in_the_protocol_drops_the_connection(run, loop, reported, method):
    async def main():
        protocol_class = failing(method, raise_arithmetic_error)
        async with wired(loop, protocol_class) as (transport, protocol, peer):
            peer.send(b"x")
            lost = await protocol.lost
            assert isinstance(lost, ArithmeticError)
            context = reported.take_one()
            assert context["message"] == f"Fatal error: protocol.{method}() call failed."
            assert context["exception"] is lost
            assert context["transport"] is transport
            assert context["protocol"] is protocol

    run(main())


def test_empty_buffer_is_an_error(run, loop, reported):
    async def main():
        async with wired(loop, failing("get_buffer", bytearray)) as (_, protocol, peer):
            peer.send(b"x")
            lost = await protocol.lost
            assert type(lost) is RuntimeError
            assert str(lost) == "get_buffer() returned an empty buffer"
            context = reported.take_one()
            assert context["message"] == "Fatal error: protocol.get_buffer() call failed."

    run(main())


@pytest.mark.parametrize("useless", [None, 5, "text", b"read-only"])
def test_buffer_that_cannot_be_written_is_an_error(run, loop, reported, useless):
    async def main():
        async with wired(loop, failing("get_buffer", lambda: useless)) as (_, protocol, peer):
            peer.send(b"x")
            lost = await protocol.lost
            assert type(lost) is TypeError
            assert reported.take_one()["exception"] is lost

    run(main())


def test_reading_can_be_paused(run, loop):
    class PausesEachTime(BufferedRecorder):
        def buffer_updated(self, nbytes):
            super().buffer_updated(nbytes)
            self.transport.pause_reading()

    async def main():
        async with wired(loop, PausesEachTime) as (transport, protocol, peer):
            peer.send(b"x" * 3000)
            await protocol.receive(1)
            assert len(protocol.received) <= 1024
            while len(protocol.received) < 3000:
                transport.resume_reading()
                await asyncio.sleep(0)

    run(main())


def test_switching_from_plain_to_buffered_and_back(run, loop):
    async def main():
        async with wired(loop) as (transport, plain, peer):
            peer.send(b"plain")
            await plain.receive(5)
            buffered = BufferedRecorder()
            buffered.connection_made(transport)
            transport.set_protocol(buffered)
            peer.send(b"buffered")
            assert await buffered.receive(8) == b"buffered"
            transport.set_protocol(plain)
            peer.send(b"again")
            assert await plain.receive(10) == b"plainagain"

    run(main())


def test_large_stream_arrives_whole_and_in_order(run, loop):
    data = patterned(MORE_THAN_THE_KERNEL_TAKES)

    class Large(BufferedRecorder):
        size = 256 * 1024

    async def main():
        async with wired(loop, Large) as (_, protocol, peer):
            sending = asyncio.ensure_future(loop.sock_sendall(peer, data))
            assert await protocol.receive(len(data)) == data
            await sending

    run(main())
