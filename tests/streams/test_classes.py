"""What do streams look like to others, and to those who derive from them?"""

import asyncio
import gc
import weakref

import pytest


class Transport(asyncio.Transport):
    closing = False

    def is_closing(self):
        return self.closing

    def close(self):
        self.closing = True

    def __repr__(self):
        return "<transport>"


@pytest.fixture
def streams(api, loop):
    """A reader, a protocol and a writer over a transport that does nothing."""
    reader = api.StreamReader(loop=loop)
    protocol = api.StreamReaderProtocol(reader, loop=loop)
    transport = Transport()
    writer = api.StreamWriter(transport, protocol, reader, loop)
    yield reader, protocol, writer
    transport.closing = True


def test_names(api):
    for name in ("StreamReader", "StreamWriter", "StreamReaderProtocol"):
        native = getattr(api, name)
        assert (native.__name__, native.__qualname__) == (name, name)
        assert native.__module__ == "asyncio.streams"


def test_repr(api, loop, streams):
    reader, _, writer = streams
    assert repr(reader) == "<StreamReader>"
    assert repr(writer) == "<StreamWriter transport=<transport> reader=<StreamReader>>"
    reader.feed_data(b"abc")
    reader.feed_eof()
    reader.set_exception(ArithmeticError(1))
    assert repr(reader) == "<StreamReader 3 bytes eof exception=ArithmeticError(1)>"
    other = api.StreamReader(limit=7, loop=loop)
    other.set_transport(Transport())
    assert repr(other) == "<StreamReader limit=7 transport=<transport>>"


def test_repr_of_a_writer_without_reader(api, loop):
    transport = Transport()
    transport.closing = True

    class Derived(api.StreamWriter):
        pass

    assert repr(Derived(transport, None, None, loop)) == "<Derived transport=<transport>>"


def test_the_protocol_is_one(streams):
    _, protocol, _ = streams
    assert isinstance(protocol, asyncio.Protocol)
    assert isinstance(protocol, asyncio.streams.FlowControlMixin)


def test_coroutines_are_called_like_their_methods(run, streams):
    async def main():
        reader, _, writer = streams
        for coroutine in (reader.read(), reader.readline(), reader.readuntil(), writer.drain()):
            name = coroutine.__qualname__
            assert asyncio.iscoroutine(coroutine)
            coroutine.close()
            assert name.startswith(("StreamReader.read", "StreamWriter.drain"))

    run(main())


@pytest.mark.parametrize("limit", [0, -1])
def test_limit_of_nothing(api, loop, limit):
    with pytest.raises(ValueError, match="Limit cannot be <= 0"):
        api.StreamReader(limit=limit, loop=loop)


def test_writer_wants_a_reader(api, loop):
    transport = Transport()
    transport.closing = True
    with pytest.raises(AssertionError):
        api.StreamWriter(transport, None, object(), loop)


def test_private_attributes_of_a_reader(run, streams):
    async def main():
        reader, _, _ = streams
        loop = asyncio.get_running_loop()
        assert reader._loop is loop
        assert reader._limit == 2**16
        reader.feed_data(b"abc")
        assert reader._buffer == bytearray(b"abc")
        reader._buffer.extend(b"def\n")
        assert await reader.readline() == b"abcdef\n"
        reader.feed_data(b"more")
        assert bytes(reader._buffer) == b"more"
        del reader._buffer[:2]
        assert await reader.read(10) == b"re"
        reader._buffer = bytearray(b"new")
        assert await reader.readexactly(2) == b"ne"
        reading = asyncio.ensure_future(reader.readexactly(5))
        await asyncio.sleep(0)
        assert not reader._waiter.done()
        reader.feed_data(b"data")
        assert await reading == b"wdata"
        assert reader._waiter is None
        reader._limit = 3
        reader.feed_data(b"1234\n")
        with pytest.raises(ValueError, match="Separator is found"):
            await reader.readline()
        assert (reader._eof, reader._exception, reader._transport) == (False, None, None)
        reader._eof = True
        assert await reader.read() == b""

    run(main())


def test_private_attributes_of_protocol_and_writer(loop, streams):
    reader, protocol, writer = streams
    assert protocol._stream_reader is reader
    assert protocol._stream_reader_wr() is reader
    assert (protocol._paused, protocol._over_ssl, protocol._connection_lost) == (False,) * 3
    assert (protocol._task, protocol._transport, protocol._client_connected_cb) == (None,) * 3
    assert not protocol._closed.done()
    assert list(protocol._drain_waiters) == []
    protocol._over_ssl = True
    assert protocol.eof_received() is False
    assert writer._reader is reader
    assert writer._protocol is protocol
    assert writer._loop is loop is protocol._loop
    assert writer._complete_fut.done()
    other = Transport()
    writer._transport, old = other, writer._transport
    old.closing = True
    assert writer.transport is other
    other.closing = True


def test_protocol_keeps_no_reader_alive(api, loop):
    reader = api.StreamReader(loop=loop)
    protocol = api.StreamReaderProtocol(reader, loop=loop)
    reference = weakref.ref(reader)
    del reader
    gc.collect()
    assert reference() is None
    assert protocol._stream_reader is None
    protocol.data_received(b"lost")
    protocol.eof_received()


def test_streams_that_refer_to_each_other_are_collected(api, new_loop):
    event_loop = new_loop()
    reader = api.StreamReader(loop=event_loop)
    protocol = api.StreamReaderProtocol(reader, lambda *streams: None, loop=event_loop)
    transport = Transport()
    transport.closing = True
    transport.protocol = protocol
    protocol.connection_made(transport)
    writer = api.StreamWriter(transport, protocol, reader, event_loop)
    reader.set_exception(ArithmeticError())
    reader.itself = writer
    reference = weakref.ref(reader)
    del reader, protocol, transport, writer
    gc.collect()
    assert reference() is None


def test_forgotten_writer_is_closed_with_a_warning(api, loop):
    transport = Transport()
    writer = api.StreamWriter(transport, None, None, loop)
    with pytest.warns(ResourceWarning, match="unclosed <StreamWriter transport=<transport>>"):
        del writer
        gc.collect()
    assert transport.closing


def test_forgotten_writer_of_a_closed_loop(api, new_loop):
    event_loop = new_loop()
    writer = api.StreamWriter(Transport(), None, None, event_loop)
    event_loop.close()
    with pytest.warns(ResourceWarning, match="loop is closed"):
        del writer
        gc.collect()


def test_overridden_feed_data_gets_what_arrives(run, api, loop):
    class Counting(api.StreamReader):
        count = 0

        def feed_data(self, data):
            self.count += len(data)
            super().feed_data(data)

    async def main():
        reader = Counting(loop=loop)
        protocol = api.StreamReaderProtocol(reader, loop=loop)
        protocol.data_received(b"four")
        assert await reader.read(10) == b"four"
        assert reader.count == 4

    run(main())


def test_methods_go_through_those_of_a_subclass(run, api, loop):
    class Derived(api.StreamReader):
        async def readuntil(self, separator=b"\n"):
            return b"<" + await super().readuntil(separator)

        async def read(self, n=-1):
            return (await super().read(n)).upper()

    async def main():
        reader = Derived(limit=4, loop=loop)
        reader.feed_data(b"a\nb\ntoo long\nend")
        assert await reader.readline() == b"<a\n"
        assert await reader.__anext__() == b"<b\n"
        with pytest.raises(ValueError, match="Separator is found"):
            await reader.readline()
        reader.feed_eof()
        assert await reader.read() == b"END"
        assert await reader.readline() == b""

    run(main())


def test_data_received_of_a_derived_protocol(run, api):
    received = []

    class Derived(api.StreamReaderProtocol):
        def data_received(self, data):
            received.append(data)
            super().data_received(data[::-1])

    async def main():
        event_loop = asyncio.get_running_loop()
        finished = event_loop.create_future()

        async def serve(reader, writer):
            finished.set_result(await reader.readexactly(3))
            writer.close()
            await writer.wait_closed()

        def accepted():
            return Derived(api.StreamReader(loop=event_loop), serve, loop=event_loop)

        server = await event_loop.create_server(accepted, "127.0.0.1", 0)
        reader, writer = await api.open_connection(*server.sockets[0].getsockname())
        writer.write(b"abc")
        assert await finished == b"cba"
        assert received == [b"abc"]
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()

    run(main())


def test_origin_in_debug_mode(api, loop):
    loop.set_debug(True)
    reader = api.StreamReader(loop=loop)
    assert reader._source_traceback[-1].name == "test_origin_in_debug_mode"
    assert api.StreamReaderProtocol(reader, loop=loop)._source_traceback is not None
    loop.set_debug(False)
    assert api.StreamReader(loop=loop)._source_traceback is None
