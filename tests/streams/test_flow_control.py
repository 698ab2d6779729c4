"""When does a reader pause its transport, and whom does a protocol let write?"""

import asyncio
import gc

import pytest


class Transport(asyncio.Transport):
    """Writes down what is asked of it."""

    def __init__(self, pausable=True):
        super().__init__()
        self.calls = []
        self.pausable = pausable
        self.closing = False

    def pause_reading(self):
        self.calls.append("pause")
        if not self.pausable:
            raise NotImplementedError

    def resume_reading(self):
        self.calls.append("resume")

    def write(self, data):
        self.calls.append(data)

    def is_closing(self):
        return self.closing

    def close(self):
        self.closing = True


@pytest.fixture
def transport():
    return Transport()


@pytest.fixture
def reader(api, loop, transport):
    reader = api.StreamReader(limit=4, loop=loop)
    reader.set_transport(transport)
    return reader


@pytest.fixture
def protocol(api, loop, reader):
    return api.StreamReaderProtocol(reader, loop=loop)


@pytest.fixture
def writer(api, loop, transport, protocol, reader):
    writer = api.StreamWriter(transport, protocol, reader, loop)
    yield writer
    transport.closing = True


async def begun(coroutine):
    task = asyncio.ensure_future(coroutine)
    await asyncio.sleep(0)
    return task


def test_transport_is_paused_above_twice_the_limit_and_resumed_at_the_limit(run, reader, transport):
    async def main():
        reader.feed_data(b"12345678")
        assert transport.calls == []
        reader.feed_data(b"9")
        reader.feed_data(b"0")
        assert transport.calls == ["pause"]
        assert repr(reader).endswith(" paused>")
        assert await reader.read(5) == b"12345"
        assert transport.calls == ["pause"]
        assert await reader.read(1) == b"6"
        assert transport.calls == ["pause", "resume"]

    run(main())


def test_waiting_for_more_than_fits_resumes(run, reader, transport):
    async def main():
        reader.feed_data(b"123456789")
        reading = await begun(reader.readexactly(10))
        assert transport.calls == ["pause", "resume"]
        reader.feed_data(b"0")
        assert await reading == b"1234567890"

    run(main())


def test_dropping_a_long_line_resumes(run, reader, transport):
    async def main():
        reader.feed_data(b"123456789")
        with pytest.raises(ValueError, match="Separator is not found"):
            await reader.readline()
        assert transport.calls == ["pause", "resume"]

    run(main())


def test_transport_that_cannot_pause_is_asked_once(reader, transport):
    transport.pausable = False
    reader.feed_data(b"123456789")
    reader.feed_data(b"123456789")
    assert transport.calls == ["pause"]
    reader.set_transport(transport)


def test_second_transport(reader, transport):
    with pytest.raises(AssertionError, match="Transport already set"):
        reader.set_transport(transport)


def test_writing_goes_to_the_transport(writer, transport):
    writer.write(b"one")
    writer.write(data=b"two")
    writer.writelines([b"three", b"four"])
    assert transport.calls[:2] == [b"one", b"two"]
    assert b"".join(transport.calls[2:]) == b"threefour"
    assert writer.transport is transport
    assert not writer.is_closing()
    writer.close()
    assert writer.is_closing()


def test_drain_waits_while_the_transport_wants_nothing(run, writer, protocol):
    async def main():
        await writer.drain()
        protocol.pause_writing()
        draining = [await begun(writer.drain()) for _ in range(3)]
        assert not any(task.done() for task in draining)
        draining[1].cancel()
        await asyncio.sleep(0)
        protocol.resume_writing()
        await asyncio.wait(draining)
        assert [task.cancelled() for task in draining] == [False, True, False]
        await writer.drain()

    run(main())


def test_pausing_twice(protocol):
    with pytest.raises(AssertionError):
        protocol.resume_writing()
    protocol.pause_writing()
    with pytest.raises(AssertionError):
        protocol.pause_writing()


@pytest.mark.parametrize("error", [None, ArithmeticError("lost")])
def test_lost_connection_ends_draining(run, writer, protocol, error):
    async def main():
        protocol.pause_writing()
        draining = await begun(writer.drain())
        closing = await begun(writer.wait_closed())
        protocol.connection_lost(error)
        expected = [None, None] if error is None else [error, error]
        assert await asyncio.gather(draining, closing, return_exceptions=True) == expected
        with pytest.raises(ConnectionResetError if error is None else ArithmeticError) as info:
            await writer.drain()
        if error is None:
            assert str(info.value) == "Connection lost"

    run(main())


def test_drain_lets_a_closing_connection_have_its_turn(run, writer, transport, protocol):
    async def main():
        transport.closing = True
        draining = await begun(writer.drain())
        assert not draining.done()
        protocol.connection_lost(None)
        with pytest.raises(ConnectionResetError, match="Connection lost"):
            await draining

    run(main())


def test_nobody_is_told_of_a_loss_that_nobody_waits_for(run, api, loop, reported):
    async def main():
        protocol = api.StreamReaderProtocol(None, loop=loop)
        protocol.connection_lost(ArithmeticError("lost"))
        del protocol
        gc.collect()

    run(main())
    assert reported == []


def test_writer_over_the_standard_flow_control(run, api, loop, transport):
    async def main():
        protocol = asyncio.streams.FlowControlMixin(loop=loop)
        writer = api.StreamWriter(transport, protocol, None, loop)
        await writer.drain()
        protocol.pause_writing()
        draining = await begun(writer.drain())
        assert not draining.done()
        protocol.resume_writing()
        await draining
        with pytest.raises(NotImplementedError):
            await writer.wait_closed()
        transport.closing = True

    run(main())
