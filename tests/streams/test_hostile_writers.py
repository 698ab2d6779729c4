"""StreamWriter and StreamReaderProtocol over mocks, and called in any order."""

import asyncio
import gc
import sys
import unittest.mock as mock
import warnings

import pytest


class Transport(asyncio.Transport):
    """A transport that does nothing but remember."""

    def __init__(self, closing=False):
        super().__init__()
        self.calls = []
        self.closing = closing

    def is_closing(self):
        return self.closing

    def close(self):
        self.calls.append("close")
        self.closing = True

    def abort(self):
        self.calls.append("abort")
        self.closing = True

    def write(self, data):
        self.calls.append(data)


@pytest.fixture
def reader(api, loop):
    return api.StreamReader(loop=loop)


@pytest.fixture
def protocol(api, loop, reader):
    return api.StreamReaderProtocol(reader, loop=loop)


@pytest.fixture
def writer(api, loop, reader, protocol):
    transport = Transport()
    yield api.StreamWriter(transport, protocol, reader, loop)
    transport.closing = True


async def begun(coroutine):
    """A task that has run as far as it can."""
    task = asyncio.ensure_future(coroutine)
    await asyncio.sleep(0)
    return task


def test_a_writer_over_mocks_calls_them(run, api, loop):
    transport, protocol = mock.Mock(), mock.Mock()
    transport.is_closing.return_value = False
    protocol._drain_helper = mock.AsyncMock()
    closed = loop.create_future()
    closed.set_result(None)
    protocol._get_close_waiter.return_value = closed
    writer = api.StreamWriter(transport, protocol, None, loop)

    async def main():
        writer.write(b"x")
        writer.writelines([b"y"])
        assert writer.write_eof() is transport.write_eof.return_value
        assert writer.can_write_eof() is transport.can_write_eof.return_value
        assert writer.get_extra_info("a", 1) is transport.get_extra_info.return_value
        assert writer.close() is transport.close.return_value
        await writer.drain()
        await writer.wait_closed()

    run(main())
    transport.write.assert_called_once_with(b"x")
    transport.writelines.assert_called_once_with([b"y"])
    transport.get_extra_info.assert_called_once_with("a", 1)
    protocol._drain_helper.assert_awaited_once_with()
    protocol._get_close_waiter.assert_called_once_with(writer)
    transport.is_closing.return_value = True


def test_the_loop_of_a_writer_makes_a_future(api):
    loop = mock.Mock()
    writer = api.StreamWriter(Transport(closing=True), mock.Mock(), None, loop)
    loop.create_future.assert_called_once_with()
    loop.create_future.return_value.set_result.assert_called_once_with(None)
    assert writer._complete_fut is loop.create_future.return_value
    with pytest.raises(AttributeError):
        api.StreamWriter(Transport(closing=True), mock.Mock(), None, None)


def test_a_writer_takes_a_stream_reader_only(api, loop):
    with pytest.raises(AssertionError):
        api.StreamWriter(Transport(closing=True), None, "reader", loop)


def test_what_the_transport_raises_comes_through(run, api, loop):
    transport = mock.Mock()
    transport.write.side_effect = transport.close.side_effect = KeyError
    writer = api.StreamWriter(transport, None, None, loop)
    for method in (lambda: writer.write(b""), writer.close):
        with pytest.raises(KeyError):
            method()

    async def main():
        transport.is_closing.side_effect = IndexError
        with pytest.raises(IndexError):
            await writer.drain()
        with pytest.raises(AttributeError):
            await writer.wait_closed()

    run(main())
    transport.is_closing = lambda: True


def test_a_transport_may_be_taken_away_while_it_is_asked(run, api, loop, protocol):
    class Odd(Transport):
        def is_closing(self):
            writer._transport = other
            writer._protocol = None
            gc.collect()
            return True

    other = Transport(closing=True)
    writer = api.StreamWriter(Odd(), protocol, None, loop)

    async def main():
        with pytest.raises(AttributeError):
            await writer.drain()

    run(main())
    assert writer.transport is other


def test_drains_wait_together(run, writer, protocol):
    async def main():
        protocol.pause_writing()
        drains = [await begun(writer.drain()) for _ in range(3)]
        assert len(protocol._drain_waiters) == 3
        drains[1].cancel()
        await asyncio.wait([drains[1]])
        assert len(protocol._drain_waiters) == 2
        protocol.resume_writing()
        await drains[0]
        await drains[2]
        assert not protocol._drain_waiters

    run(main())


@pytest.mark.parametrize("exception", [None, OSError("gone")])
def test_drains_end_with_the_connection(run, writer, protocol, exception):
    async def main():
        protocol.pause_writing()
        drains = [await begun(writer.drain()) for _ in range(2)]
        protocol.connection_lost(exception)
        results = await asyncio.gather(*drains, return_exceptions=True)
        assert results == [exception, exception]
        with pytest.raises(ConnectionResetError if exception is None else OSError):
            await writer.drain()

    run(main())


def test_a_protocol_that_is_initialized_again_forgets_who_waits(
    run, kind, api, loop, writer, protocol, reader
):
    async def main():
        protocol.pause_writing()
        first = await begun(writer.drain())
        protocol.__init__(reader, loop=loop)
        protocol.pause_writing()
        second = await begun(writer.drain())
        first.cancel()
        # asyncio's `_drain_waiters.remove` does not find it.
        with pytest.raises(asyncio.CancelledError if kind == "aioxide" else ValueError):
            await first
        assert not second.done()
        protocol.resume_writing()
        await second

    run(main())


def test_calls_in_an_odd_order(run, reader, protocol):
    async def main():
        first, second = Transport(), Transport()
        protocol.data_received(b"early")
        protocol.eof_received()
        protocol.connection_made(first)
        with pytest.raises(AssertionError, match="Transport already set"):
            protocol.connection_made(second)
        assert protocol._transport is second
        with pytest.raises(AssertionError):
            protocol.data_received(b"after the end")
        assert await reader.read() == b"early"
        with pytest.raises(AssertionError):
            protocol.resume_writing()
        protocol.pause_writing()
        with pytest.raises(AssertionError):
            protocol.pause_writing()
        protocol.connection_lost(None)
        protocol.connection_lost(KeyError())
        assert protocol._transport is None
        assert protocol._stream_reader is None
        protocol.data_received(b"ignored")
        assert protocol.eof_received() is True
        assert reader.exception() is None
        protocol.connection_made(first)
        assert protocol._transport is first

    run(main())


def test_a_protocol_without_a_reader(run, api, loop):
    async def main():
        protocol = api.StreamReaderProtocol(None, loop=loop)
        assert protocol._stream_reader is None
        transport = Transport()
        protocol.connection_made(transport)
        protocol.data_received(b"x")
        protocol.connection_lost(OSError())
        assert protocol._closed.exception().__class__ is OSError

    run(main())


def test_a_protocol_that_was_not_initialized(api, loop):
    class Derived(api.StreamReaderProtocol):
        def __init__(self):
            pass

    protocol = Derived()
    with pytest.raises(AttributeError):
        protocol.connection_lost(None)
    with pytest.raises(AttributeError):
        protocol._get_close_waiter(None)


def test_a_subclass_without_initialization_receives(run, api, loop):
    received = []

    class Derived(api.StreamReaderProtocol):
        def __init__(self):
            pass

        def connection_made(self, transport):
            transport.write(b"x")

        def data_received(self, data):
            received.append(data)
            done.set_result(None)

        def connection_lost(self, exc):
            pass

    async def main():
        nonlocal done
        done = loop.create_future()

        async def serve(reader, writer):
            writer.write(await reader.read(1))
            writer.close()

        server = await api.start_server(serve, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        transport, _ = await loop.create_connection(Derived, *address)
        await done
        transport.close()
        server.close()
        await server.wait_closed()

    done = None
    run(main())
    assert received == [b"x"]


def test_the_callback_of_a_connection_may_do_anything(run, api, loop, reader):
    class Odd:
        def __call__(self, reader, writer):
            protocol._client_connected_cb = None
            protocol.connection_lost(None)
            protocol.__init__(reader, loop=loop)
            writer.transport.closing = True

    async def main():
        protocol.connection_made(Transport())
        assert protocol._strong_reader is None

    protocol = api.StreamReaderProtocol(reader, Odd(), loop=loop)
    run(main())


def test_a_reader_that_is_none_is_called(run, api, loop):
    class Reader:
        _source_traceback = None

        def __init__(self):
            self.calls = []

        def __getattr__(self, name):
            return lambda *arguments: self.calls.append((name, *arguments))

    async def main():
        reader, transport, failure = Reader(), Transport(), KeyError()
        protocol = api.StreamReaderProtocol(reader, loop=loop)
        protocol.connection_made(transport)
        protocol.data_received(b"x")
        protocol.eof_received()
        protocol.connection_lost(failure)
        assert reader.calls == [
            ("set_transport", transport),
            ("feed_data", b"x"),
            ("feed_eof",),
            ("set_exception", failure),
        ]
        protocol._closed.exception()

    run(main())


def test_private_attributes_can_be_written(api, loop, writer, protocol):
    for name in ("_transport", "_protocol", "_reader", "_loop"):
        before = getattr(writer, name)
        setattr(writer, name, 7)
        assert getattr(writer, name) == 7
        setattr(writer, name, before)
    for name in (
        "_transport",
        "_stream_reader_wr",
        "_client_connected_cb",
        "_task",
        "_closed",
        "_source_traceback",
        "_loop",
        "_over_ssl",
        "_paused",
        "_connection_lost",
        "_reject_connection",
    ):
        before = getattr(protocol, name)
        setattr(protocol, name, True)
        assert getattr(protocol, name) is True
        setattr(protocol, name, before)


def test_a_rejected_connection_is_aborted(run, reported, protocol):
    async def main():
        transport = Transport()
        protocol._reject_connection = 1
        protocol.connection_made(transport)
        assert transport.calls == ["abort"]
        assert "garbage collected" in reported.take_one()["message"]

    run(main())


def test_wait_closed_at_each_state(run, writer, protocol):
    async def main():
        waiting = await begun(writer.wait_closed())
        also = await begun(writer.wait_closed())
        assert not waiting.done()
        protocol.connection_lost(None)
        await waiting
        await also
        await writer.wait_closed()

    run(main())


def test_wait_closed_waits_for_whatever_is_there(run, writer, protocol):
    async def main():
        async def ready():
            return 1

        closed = protocol._closed
        protocol._closed = ready()
        await writer.wait_closed()
        protocol._closed = 7
        with pytest.raises(TypeError):
            await writer.wait_closed()
        protocol._closed = closed

    run(main())


@pytest.mark.skipif(sys.version_info < (3, 12), reason="3.11 has no start_tls in all releases")
def test_start_tls_at_each_state(run, api, loop, writer, protocol):
    async def main():
        with pytest.raises(TypeError):
            await writer.start_tls(None)
        protocol.pause_writing()
        upgrading = await begun(writer.start_tls(None))
        upgrading.cancel()
        await asyncio.wait([upgrading])
        protocol.resume_writing()
        writer._protocol = None
        with pytest.raises(AttributeError):
            await writer.start_tls(None)
        writer._protocol = protocol
        writer._loop = mock.Mock()
        writer._loop.start_tls = mock.AsyncMock(return_value="not a transport")
        with pytest.raises(AttributeError):
            await writer.start_tls(None)
        assert writer.transport == "not a transport"
        writer._transport = Transport(closing=True)

    run(main())


@pytest.fixture
def unraisable():
    """What went wrong in finalizers."""
    caught = []
    with mock.patch("sys.unraisablehook", lambda it: caught.append(it.exc_type)):
        yield caught


@pytest.mark.skipif(sys.version_info < (3, 13), reason="earlier ones differ between releases")
@pytest.mark.parametrize("state", ["open", "closing", "closed loop", "raising", "reviving"])
def test_a_writer_is_dropped(api, new_loop, unraisable, state):
    loop = new_loop()
    transport = Transport(closing=state == "closing")
    revived = []

    class Derived(api.StreamWriter):
        def close(self):
            if state == "reviving":
                revived.append(self)
            super().close()

    reader = api.StreamReader(loop=loop)
    protocol = api.StreamReaderProtocol(reader, loop=loop)
    writer = Derived(transport, protocol, reader, loop)
    if state == "closed loop":
        loop.close()
    if state == "raising":
        transport.close = mock.Mock(side_effect=KeyError)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        del writer
        gc.collect()
    texts = [str(it.message) for it in warned if it.category is ResourceWarning]
    expected = {
        "open": 1,
        "reviving": 1,
        "closing": 0,
        "closed loop": 1,
        "raising": 0,
    }[state]
    assert len(texts) == expected, texts
    assert unraisable == ([KeyError] if state == "raising" else [])
    if state == "closed loop":
        assert texts == ["loop is closed"]
    if revived:
        assert revived.pop().is_closing()


def test_what_is_put_on_a_reader_is_called(run, reader, protocol, writer):
    async def main():
        reader.feed_data = mock.Mock()
        protocol.data_received(b"x")
        reader.feed_data.assert_called_once_with(b"x")
        reader.feed_eof = mock.Mock()
        protocol.eof_received()
        reader.feed_eof.assert_called_once_with()
        reader.exception = mock.Mock(return_value=KeyError())
        with pytest.raises(KeyError):
            await writer.drain()
        del reader.feed_data
        protocol.data_received(b"y")
        assert await reader.read(1) == b"y"

    run(main())


def test_what_is_put_on_the_reader_of_a_connection_is_called(run, api):
    async def main():
        async def serve(reader, writer):
            writer.write(await reader.readexactly(1))
            writer.close()
            await writer.wait_closed()

        server = await api.start_server(serve, "127.0.0.1", 0)
        reader, writer = await api.open_connection(*server.sockets[0].getsockname())
        feed = reader.feed_data
        reader.feed_data = mock.Mock(side_effect=feed)
        writer.write(b"x")
        assert await reader.read() == b"x"
        reader.feed_data.assert_called_once_with(b"x")
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()

    run(main())
