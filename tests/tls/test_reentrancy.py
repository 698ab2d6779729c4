"""TLS whose session, protocol or context does something else in the middle of the work."""

import array
import asyncio
import contextlib
import functools
import ssl
import sys

import pytest
from network.peers import Recorder

from .peers import facing_peer, turns


class Hooks:
    """What is done, once, inside the session's methods: before the real one or after it."""

    def __init__(self):
        self.before, self.after, self.results = {}, {}, {}

    def clear(self):
        for hooks in (self.before, self.after, self.results):
            hooks.clear()


@pytest.fixture
def hooks():
    made = Hooks()
    yield made
    made.clear()


@pytest.fixture
def contexts(certificates, hooks):
    def hooked(name):
        original = getattr(ssl.SSLObject, name)

        @functools.wraps(original)
        def method(self, *arguments):
            hooks.before.pop(name, bool)()
            result = original(self, *arguments)
            hooks.after.pop(name, bool)()
            return hooks.results.pop(name, lambda it: it)(result)

        return method

    names = ("read", "write", "do_handshake", "unwrap", "getpeercert", "cipher")
    client = certificates.client_context()
    client.sslobject_class = type("Hooked", (ssl.SSLObject,), {it: hooked(it) for it in names})
    return certificates.server_context(), client


@pytest.fixture
def wired(loop, contexts):
    """A client whose session has the hooks, and its peer."""
    return functools.partial(facing_peer, loop, contexts, "client")


class Buffered(Recorder, asyncio.BufferedProtocol):
    """A Recorder that receives through a buffer of its own."""

    size = 100

    def __init__(self):
        super().__init__()
        self.calls.append("connection_made")
        self.buffer = bytearray(self.size)

    def get_buffer(self, sizehint):
        return memoryview(self.buffer)

    def buffer_updated(self, nbytes):
        super().data_received(bytes(self.buffer[:nbytes]))


class Plain(Recorder):
    """A Recorder that had its connection."""

    def __init__(self):
        super().__init__()
        self.calls.append("connection_made")


def end(transport, protocol):
    """End a connection whose protocol was exchanged: the first one hears of it."""
    transport.set_protocol(protocol)
    transport.abort()


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("old", [Recorder, Buffered])
@pytest.mark.parametrize("new", [Plain, Buffered, "stream"])
def test_data_reaches_the_protocol_that_is_there_when_it_is_read(
    run, api, loop, kind, hooks, wired, moment, old, new
):
    if kind == "asyncio" and (old is Buffered or new is Buffered):
        pytest.skip("asyncio mixes the methods of both up")

    async def main():
        async with wired(old) as (transport, protocol, peer):
            if new == "stream":
                reader = api.StreamReader(loop=loop)
                other = api.StreamReaderProtocol(reader, loop=loop)
            else:
                other = new()
            getattr(hooks, moment)["read"] = lambda: transport.set_protocol(other)
            await peer.send(b"hello")
            if new == "stream":
                assert await reader.readexactly(5) == b"hello"
            else:
                assert await other.receive(5) == b"hello"
            assert protocol.received == b""
            await peer.send(b"again")
            if new == "stream":
                assert await reader.readexactly(5) == b"again"
            else:
                assert await other.receive(10) == b"helloagain"
            end(transport, protocol)

    run(main())


@pytest.mark.parametrize("old", ["stream", "tls"])
def test_a_native_protocol_may_be_exchanged_while_it_is_read_for(
    run, kind, api, loop, hooks, contexts, wired, old
):
    if kind == "asyncio" and old == "tls":
        pytest.skip("asyncio's TLS is a protocol with a buffer")

    async def main():
        async with wired() as (transport, protocol, peer):
            reader = api.StreamReader(loop=loop)
            stream = api.StreamReaderProtocol(reader, loop=loop)
            first = stream
            if old == "tls":
                # It only has to be of the type.
                first = type(transport._ssl_protocol)(
                    loop, stream, contexts[1], None, server_hostname="localhost"
                )
                first._app_transport._closed = True
            transport.set_protocol(first)
            other = Plain()
            hooks.after["read"] = lambda: transport.set_protocol(other)
            await peer.send(b"hello")
            assert await other.receive(5) == b"hello"
            end(transport, protocol)

    run(main())


@pytest.mark.parametrize("method", ["data_received", "eof_received", "connection_lost"])
def test_the_protocol_may_be_exchanged_in_its_own_methods(run, hooks, wired, method):
    class Odd(Recorder):
        def data_received(self, data):
            super().data_received(data)
            if method == "data_received":
                self.transport.set_protocol(other)

        def eof_received(self):
            super().eof_received()
            if method == "eof_received":
                self.transport.set_protocol(other)

        def connection_lost(self, exc):
            super().connection_lost(exc)
            if method == "connection_lost":
                self.transport.set_protocol(other)

    async def main():
        nonlocal other
        other = Plain()
        async with wired(Odd) as (transport, protocol, peer):
            await peer.send(b"one")
            await protocol.receive(3)
            await peer.send(b"two")
            owner = other if method == "data_received" else protocol
            count = 3 if owner is other else 6
            assert (await owner.receive(count))[-3:] == b"two"
            await peer.say_goodbye()
            await owner.ended
            transport.abort()
            await (protocol if method == "connection_lost" else other).lost
            if not protocol.lost.done():
                protocol.lost.set_result(None)

    other = None
    run(main())


ACTIONS = {
    "close": lambda transport: transport.close(),
    "close twice": lambda transport: (transport.close(), transport.close()),
    "abort": lambda transport: transport.abort(),
    "pause": lambda transport: transport.pause_reading(),
    "write": lambda transport: transport.write(b"x" * 10),
    "writelines": lambda transport: transport.writelines([b"x", bytearray(b"y")]),
    "marks": lambda transport: transport.set_write_buffer_limits(0),
    "read marks": lambda transport: transport.set_read_buffer_limits(0),
    "below": lambda transport: transport._ssl_protocol._transport.abort(),
    "lost": lambda transport: transport._ssl_protocol.connection_lost(None),
    "end": lambda transport: transport._ssl_protocol.eof_received(),
    "below's end": lambda transport: transport._ssl_protocol._transport.close(),
}


@contextlib.asynccontextmanager
async def whatever_happens(loop, wired, factory):
    """A connection of which nothing is expected but that it can be ended from below."""
    loop.set_exception_handler(lambda loop, context: None)
    async with wired(factory) as (transport, protocol, peer):
        below = transport._ssl_protocol._transport
        with contextlib.suppress(Exception):
            yield transport, protocol, peer
        with contextlib.suppress(Exception):
            transport.abort()
        below.abort()
        await turns(3)
        if not protocol.lost.done():
            protocol.lost.set_result(None)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("method", ["read", "write", "unwrap"])
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("factory", [Recorder, Buffered])
def test_anything_may_be_done_inside_the_session(
    run, loop, hooks, wired, action, method, moment, factory
):
    async def main():
        async with whatever_happens(loop, wired, factory) as (transport, _, peer):
            getattr(hooks, moment)[method] = lambda: ACTIONS[action](transport)
            await peer.send(b"hello")
            await turns(3)
            transport.write(b"world")
            await turns(3)
            transport.close()
            await turns(3)

    run(main())


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("method", ["get_buffer", "buffer_updated", "data_received"])
def test_anything_may_be_done_inside_the_protocol(run, loop, wired, action, method):
    class Odd(Buffered if method != "data_received" else Recorder):
        def get_buffer(self, sizehint):
            self.act("get_buffer")
            return super().get_buffer(sizehint)

        def buffer_updated(self, nbytes):
            self.act("buffer_updated")
            super().buffer_updated(nbytes)

        def data_received(self, data):
            self.act("data_received")
            super().data_received(data)

        def act(self, name):
            if name == method and armed and not acted:
                acted.append(name)
                ACTIONS[action](self.transport)

    armed, acted = [], []

    async def main():
        async with whatever_happens(loop, wired, Odd) as (transport, _, peer):
            armed.append(True)
            await peer.send(b"hello")
            while not acted:
                await asyncio.sleep(0)
            transport.write(b"world")
            await turns(3)

    run(main())


def test_what_is_written_inside_a_write_comes_after_it(run, kind, hooks, wired):
    if kind == "asyncio":
        pytest.skip("asyncio writes the first twice")

    async def main():
        async with wired() as (transport, _, peer):
            for moment in (hooks.before, hooks.after):
                moment["write"] = lambda: transport.write(b"second ")
                transport.write(b"first ")
                assert await peer.receive(13) == b"first second "
            transport.abort()

    run(main())


class Failure(Exception):
    pass


def raising(exception):
    def act(*arguments):
        raise exception

    return act


@pytest.mark.parametrize("method", ["read", "write"])
@pytest.mark.parametrize("exception", [Failure, ssl.SSLError, ssl.SSLWantWriteError, StopIteration])
def test_what_the_session_raises_ends_the_connection(
    run, loop, reported, hooks, wired, method, exception
):
    async def main():
        async with wired() as (transport, protocol, peer):
            hooks.before[method] = raising(exception())
            if method == "write":
                transport.write(b"x")
            else:
                await peer.send(b"x")
            assert isinstance(await protocol.lost, exception)
        if not issubclass(exception, OSError):
            assert reported.take_one()["message"] == "Fatal error on SSL protocol"

    run(main())


@pytest.mark.parametrize("exception", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_program_comes_out_of_the_loop(run, loop, reported, hooks, wired, exception):
    async def main():
        async with wired() as (transport, _, peer):
            hooks.before["write"] = raising(exception())
            with pytest.raises(exception):
                transport.write(b"x")
            transport.abort()

    run(main())


@pytest.mark.parametrize("method", ["do_handshake", "getpeercert", "cipher"])
@pytest.mark.parametrize("exception", [ssl.SSLError("odd"), Failure()])
def test_a_handshake_that_raises(run, loop, hooks, wired, method, exception):
    async def main():
        loop.set_exception_handler(lambda loop, context: None)
        hooks.after[method] = raising(exception)
        with pytest.raises((type(exception), ConnectionError, ssl.SSLError)):
            async with asyncio.timeout(5) if sys.version_info >= (3, 11) else None:
                async with wired():
                    pass

    run(main())


@pytest.mark.parametrize("result", [bytearray(b"odd"), memoryview(b"odd")])
def test_a_session_may_read_any_bytes(run, hooks, wired, result):
    async def main():
        async with wired() as (transport, protocol, peer):
            hooks.results["read"] = lambda data: result
            await peer.send(b"xyz")
            assert await protocol.receive(3) == b"odd"
            transport.abort()

    run(main())


@pytest.mark.parametrize("method", ["read", "write"])
@pytest.mark.parametrize("result", [None, "text", -1, 2**70, 3.5, object()])
@pytest.mark.parametrize("factory", [Recorder, Buffered])
def test_results_that_are_none(run, loop, hooks, wired, method, result, factory):
    async def main():
        async with whatever_happens(loop, wired, factory) as (transport, _, peer):
            hooks.results[method] = lambda data: result
            await peer.send(b"xyz")
            transport.write(b"abc")
            await turns(5)

    run(main())


class Wide(Buffered):
    """Its buffer counts in items of four bytes."""

    def __init__(self):
        super().__init__()
        self.wide = array.array("I", bytes(4 * self.size))

    def get_buffer(self, sizehint):
        return self.wide

    def buffer_updated(self, nbytes):
        Recorder.data_received(self, self.wide.tobytes()[:nbytes])


def test_a_buffer_may_have_wide_items(run, kind, wired):
    data = bytes(range(250)) * 10

    async def main():
        async with wired(Wide) as (transport, protocol, peer):
            await peer.send(data[:60])
            assert await protocol.receive(60) == data[:60]
            if kind == "aioxide":  # asyncio reads the rest of a record into a copy
                await peer.send(data[60:])
                assert await protocol.receive(len(data)) == data
            transport.abort()

    run(main())


def test_a_buffer_may_be_a_bytearray(run, kind, wired):
    class Protocol(Buffered):
        def get_buffer(self, sizehint):
            return self.buffer

    data = bytes(range(250)) * 10

    async def main():
        async with wired(Protocol) as (transport, protocol, peer):
            for at in range(0, len(data), 50):
                await peer.send(data[at : at + 50])
            if kind == "aioxide":  # asyncio reads the second record into a copy
                assert await protocol.receive(len(data)) == data
            transport.abort()

    run(main())


@pytest.mark.parametrize("buffer", [b"read only", "text", None, 7])
def test_a_buffer_that_cannot_be_written(run, reported, wired, buffer):
    class Protocol(Buffered):
        def get_buffer(self, sizehint):
            return buffer if armed else self.buffer

    armed = []

    async def main():
        async with wired(Protocol) as (_, protocol, peer):
            armed.append(True)
            await peer.send(b"x")
            assert isinstance(await protocol.lost, TypeError)
        assert reported.take_one()["message"] == "Fatal error on SSL protocol"

    run(main())


def test_an_empty_buffer_is_an_error(run, kind, loop, wired):
    class Protocol(Buffered):
        def get_buffer(self, sizehint):
            return bytearray() if armed else self.buffer

    armed = []

    async def main():
        loop.set_exception_handler(lambda loop, context: None)
        async with wired(Protocol) as (transport, protocol, peer):
            armed.append(True)
            await peer.send(b"x")
            if kind == "aioxide":  # asyncio takes it for the peer's goodbye
                assert isinstance(await protocol.lost, RuntimeError)
            transport.abort()

    run(main())


def test_a_buffer_that_shrinks_while_it_is_filled(run, loop, kind, hooks, wired):
    class Protocol(Buffered):
        def get_buffer(self, sizehint):
            return self.buffer

    async def main():
        loop.set_exception_handler(lambda loop, context: None)
        async with wired(Protocol) as (transport, protocol, peer):
            hooks.after["read"] = lambda: protocol.buffer.__delitem__(slice(5, None))
            await peer.send(b"first")
            await peer.send(b"second")
            await turns(5)
            if kind == "aioxide":
                assert protocol.received[:5] == b"first"
            transport.abort()

    run(main())


MARKS = [
    ((1e6, None), (1e6 // 4, 1e6)),
    ((None, 2.5), (2.5, 10.0)),
    ((2**70, None), (2**68, 2**70)),
    ((2**70, 2**69), (2**69, 2**70)),
    ((10, 10), (10, 10)),
    ((True, 0), (0, True)),
    ((0.5, 0), (0, 0.5)),
]


@pytest.mark.parametrize("given, shown", MARKS)
def test_water_marks_are_any_numbers(run, wired, given, shown):
    async def main():
        async with wired() as (transport, protocol, peer):
            transport.set_write_buffer_limits(*given)
            assert transport.get_write_buffer_limits() == shown
            transport.set_read_buffer_limits(*given)
            assert transport.get_read_buffer_limits() == shown
            transport.set_read_buffer_limits()
            transport.write(b"x" * 100)
            await peer.receive(100)
            transport.abort()

    run(main())


@pytest.mark.parametrize("given", [(1, 2), (-1, None), (None, -1), (float("nan"), None)])
def test_water_marks_that_contradict_each_other(run, wired, given):
    async def main():
        async with wired() as (transport, _, _):
            before = transport.get_write_buffer_limits()
            for method in (transport.set_write_buffer_limits, transport.set_read_buffer_limits):
                with pytest.raises(ValueError, match="must be >= low"):
                    method(*given)
            with pytest.raises(TypeError):
                transport.set_write_buffer_limits("x")
            assert transport.get_write_buffer_limits() == before
            transport.abort()

    run(main())


def test_private_attributes_can_be_written(run, loop, wired):
    async def main():
        async with wired() as (transport, protocol, peer):
            tls = transport._ssl_protocol
            for name in (
                "_app_transport",
                "_app_protocol",
                "_transport",
                "_extra",
                "_sslcontext",
                "_server_side",
                "_server_hostname",
                "_sslobj",
                "_incoming",
                "_outgoing",
                "_state",
                "_eof_received",
                "_conn_lost",
                "_app_reading_paused",
                "_app_writing_paused",
                "_ssl_reading_paused",
                "_ssl_writing_paused",
                "_ssl_handshake_timeout",
                "_ssl_shutdown_timeout",
                "_handshake_timeout_handle",
                "_shutdown_timeout_handle",
                "_write_buffer_size",
            ):
                value = getattr(tls, name)
                setattr(tls, name, value)
                assert getattr(tls, name) is value or getattr(tls, name) == value
            for name in ("_ssl_protocol", "_loop", "_closed"):
                value = getattr(transport, name)
                setattr(transport, name, value)
                assert getattr(transport, name) is value
            await peer.send(b"hello")
            assert await protocol.receive(5) == b"hello"
            tls._extra = {"peercert": "mine"}
            assert transport.get_extra_info("peercert") == "mine"
            other = Plain()
            tls._app_protocol = other
            await peer.send(b"other")
            assert await other.receive(5) == b"other"
            end(transport, protocol)

    run(main())


@pytest.mark.skipif(not hasattr(ssl.SSLContext, "_msg_callback"), reason="no such callback")
@pytest.mark.parametrize("action", ["close", "abort", "exchange"])
def test_a_contexts_callback_may_do_anything(run, loop, contexts, wired, action):
    acts = []

    def callback(*arguments):
        if acts:
            acts.pop()()

    async def main():
        contexts[1]._msg_callback = callback
        loop.set_exception_handler(lambda loop, context: None)
        async with wired() as (transport, protocol, peer):
            other = Plain()
            if action == "exchange":
                acts.append(lambda: transport.set_protocol(other))
            else:
                acts.append(getattr(transport, action))
            await peer.send(b"hello")
            if action == "exchange":
                assert await other.receive(5) == b"hello"
            else:
                while acts:
                    await asyncio.sleep(0)
            end(transport, protocol)

    try:
        run(main())
    finally:
        contexts[1]._msg_callback = None


@pytest.mark.parametrize("result", [None, 7, "object"])
def test_a_context_may_wrap_anything(run, loop, api, certificates, result):
    class Context(ssl.SSLContext):
        def wrap_bio(self, *arguments, **keywords):
            return result

    async def main():
        loop.set_exception_handler(lambda loop, context: None)

        async def serve(reader, writer):
            writer.close()

        server = await api.start_server(serve, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        context = Context(ssl.PROTOCOL_TLS_CLIENT)
        with pytest.raises((AttributeError, ConnectionError)):
            await loop.create_connection(Recorder, *address, ssl=context, server_hostname="x")
        server.close()
        await server.wait_closed()

    run(main())
