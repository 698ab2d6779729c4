"""Transports without streams: never closed, or written to faster than they are sent."""

import asyncio
import contextlib
import gc
import os
import socket
import warnings

import pytest
from tls.certificates import Certificates

MIB = 1 << 20
WAYS = ("plain", "TLS", "datagram", "accepted", "write pipe", "read pipe")


@pytest.fixture(scope="module")
def contexts(tmp_path_factory):
    """A pair of contexts that trust each other: (for servers, for clients)."""
    certificates = Certificates.issue(tmp_path_factory.mktemp("certificates"))
    return certificates.server_context(), certificates.client_context()


@pytest.fixture
def connect(contexts):
    """``await connect(way, factory)`` makes a transport whose far end reads nothing."""
    kept = []

    async def connect(way, factory=asyncio.Protocol):
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        kept.extend([ours, theirs])
        if way == "plain":
            return await loop.create_connection(factory, sock=ours)  # by plain
        if way == "accepted":
            return await loop.connect_accepted_socket(factory, ours)  # by accepted
        if way == "TLS":
            server = loop.connect_accepted_socket(asyncio.Protocol, theirs, ssl=contexts[0])
            accepting = loop.create_task(server)
            options = {"sock": ours, "ssl": contexts[1], "server_hostname": "localhost"}
            made = await loop.create_connection(factory, **options)  # by TLS
            (far, _) = await accepting
            far.pause_reading()
            kept.append(far)
            return made
        if way == "datagram":
            near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            near.bind(("127.0.0.1", 0))
            kept.append(near)
            return await loop.create_datagram_endpoint(factory, sock=near)  # by datagram
        reading, writing = os.pipe()
        near, far = os.fdopen(reading, "rb", 0), os.fdopen(writing, "wb", 0)
        if way == "read pipe":
            kept.extend([near, far])
            return await loop.connect_read_pipe(factory, near)  # by read pipe
        kept.extend([near, far])
        return await loop.connect_write_pipe(factory, far)  # by write pipe

    yield connect
    for each in kept:
        if isinstance(each, asyncio.Transport):
            with contextlib.suppress(RuntimeError):  # Its loop is closed.
                each.abort()
        else:
            each.close()


def is_at(place, line, function):
    return (place.file, place.line, place.function.rpartition(".")[2]) == (__file__, line, function)


def closing_everything(loop):
    """Close the loop, which keeps its transports, and collect them."""
    loop.close()
    gc.collect()


@pytest.fixture
def patrol(lints):
    """The lints, with their warnings as they come but not shown."""
    from aioxide.lints._patrol import Patrol

    with warnings.catch_warnings(record=True):
        warnings.simplefilter("ignore")
        made = Patrol()
        made.start()
        yield made
        made.stop()


@pytest.mark.parametrize("way", WAYS)
def test_transport_that_is_never_closed(
    only_ours, loop_factory, lints, patrol, connect, line_of, way
):
    async def main():
        await connect(way)

    loop = loop_factory()
    loop.run_until_complete(main())
    closing_everything(loop)
    # The far end of TLS is one too, as are pipes and sockets.
    line = line_of(__file__, f"# by {way}")
    found = [each for each in lints.findings() if each.lint == "never-closed"]
    found = [each for each in found if each.created and each.created.line == line]
    assert found
    assert all(is_at(each.created, line, "connect") for each in found)
    assert all(each.sentence.startswith("unclosed transport <") for each in found)


SERVERS = "start_server", "asyncio's", "create_server"


@pytest.fixture
def serve(api, contexts):
    """``await serve(by, encrypted, handler)`` makes a server, and a client of it."""

    async def serve(by, encrypted, handler):
        loop, where = asyncio.get_running_loop(), ("127.0.0.1", 0)
        options = {"ssl": contexts[0] if encrypted else None}
        if by == "start_server":
            server = await api.start_server(handler, *where, **options)  # by start_server
        elif by == "create_server":
            server = await loop.create_server(handler, *where, **options)  # by create_server
        else:
            server = await asyncio.start_server(handler, *where, **options)  # by asyncio's
        address = server.sockets[0].getsockname()
        tls = {"ssl": contexts[1], "server_hostname": "localhost"} if encrypted else {}
        return server, await api.open_connection(*address, **tls)

    return serve


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize("by", SERVERS)
def test_connection_of_a_server_was_made_where_the_server_was(
    only_ours, loop_factory, lints, patrol, serve, line_of, by, encrypted
):
    async def keep(reader, writer):
        kept.append(writer)
        connected.set()

    class Keep(asyncio.Protocol):
        def connection_made(self, transport):
            kept.append(transport)
            connected.set()

    async def main():
        server, client = await serve(by, encrypted, Keep if by == "create_server" else keep)
        await connected.wait()
        server.close()
        client[1].close()

    kept, connected = [], asyncio.Event()
    loop = loop_factory()
    loop.run_until_complete(main())
    kept.clear()
    closing_everything(loop)
    line = line_of(__file__, f"# by {by}")
    found = [each for each in lints.findings() if each.lint == "never-closed"]
    created = [each.created for each in found if "unclosed transport" in each.sentence]
    assert any(place and is_at(place, line, "serve") for place in created), created


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize("by", SERVERS[:2])
def test_what_a_server_makes_for_a_connection_was_made_where_the_server_was(
    only_ours, run, patrol, serve, line_of, by, encrypted
):
    from aioxide import introspect
    from aioxide.lints._noted import place_made

    made = []

    async def handle(reader, writer):
        if by == "start_server":  # asyncio's own streams tell nobody.
            made.append(place_made(writer))
        made.extend(each.created for each in introspect.tasks() if "handle" in each.coroutine)
        writer.close()

    async def main():
        server, (reader, writer) = await serve(by, encrypted, handle)
        assert await reader.read() == b""
        writer.close()
        server.close()

    run(main())
    line = line_of(__file__, f"# by {by}")
    assert made
    assert all(is_at(each, line, "serve") for each in made)


@pytest.mark.parametrize("way", WAYS)
def test_transport_that_is_closed(only_ours, loop, run, lints, patrol, connect, way):
    async def main():
        transport, _ = await connect(way)
        transport.abort() if hasattr(transport, "abort") else transport.close()
        for _ in range(4):
            await asyncio.sleep(0)

    run(main())
    gc.collect()
    found = [each for each in lints.findings() if each.lint == "never-closed"]
    assert [each for each in found if "transport" in each.sentence] == []


def test_line_of_the_program_s_own_that_calls_a_library(
    only_ours, loop_factory, lints, patrol, line_of, tmp_path, monkeypatch
):
    """The one that makes the transport is the library's."""
    (tmp_path / "site-packages").mkdir()
    text = "async def join(loop, *kind, sock):\n    await loop.create_connection(*kind, sock=sock)"
    (tmp_path / "site-packages" / "a_library_that_connects.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path / "site-packages")
    import a_library_that_connects as library

    ours, theirs = socket.socketpair()

    async def main():
        await library.join(loop, asyncio.Protocol, sock=ours)  # by a library

    loop = loop_factory()
    loop.run_until_complete(main())
    closing_everything(loop)
    theirs.close()
    (finding,) = [each for each in lints.findings() if "transport" in each.sentence]
    assert is_at(finding.created, line_of(__file__, "# by a library"), "main")


class Heedless(asyncio.Protocol):
    """Does nothing when writing is to pause."""


class Deaf(asyncio.Protocol):
    """Is told to pause, and writes on."""

    def pause_writing(self):
        pass


class Careful(asyncio.Protocol):
    """Writes nothing between pause_writing() and resume_writing()."""

    paused = False

    def pause_writing(self):
        self.paused = True

    def resume_writing(self):
        self.paused = False


@pytest.mark.parametrize("way", ["plain", "TLS", "accepted", "write pipe"])
def test_bytes_that_nobody_pauses_for(only_ours, api, looked_at, connect, line_of, way):
    kept = []

    async def program(spawn):
        transport, _ = await connect(way, Heedless)
        transport.write(bytes(8 * MIB))
        kept.append(transport)

    (finding,) = looked_at(program, 0, 1, 2)
    kept[0].abort()
    assert finding.lint == "unsent-bytes"
    assert "MiB that were written to a transport have not been sent for 1 s" in finding.sentence
    assert finding.sentence.endswith("and Heedless has no pause_writing()")
    assert "pause_writing()" in finding.fix
    assert is_at(finding.created, line_of(__file__, f"# by {way}"), "connect")


@pytest.mark.parametrize("way", ["plain", "TLS", "write pipe"])
def test_bytes_of_a_protocol_that_writes_on(only_ours, api, looked_at, connect, line_of, way):
    kept = []

    async def program(spawn):
        transport, _ = await connect(way, Deaf)
        transport.write(bytes(2 * MIB))
        kept.append(transport)

    times = range(5)
    (finding,) = looked_at(program, *times, between=lambda: kept[0].write(bytes(MIB)))
    kept[0].abort()
    assert finding.sentence.endswith("and Deaf has written more after pause_writing()")
    assert is_at(finding.created, line_of(__file__, f"# by {way}"), "connect")


@pytest.mark.parametrize("way", ["plain", "TLS", "write pipe"])
def test_bytes_of_a_protocol_that_pauses(only_ours, api, looked_at, connect, way):
    kept = []

    async def program(spawn):
        kept.extend(await connect(way, Careful))
        # More than it should be, but at once; TLS lets the protocol pause later.
        kept[0].write(bytes(8 * MIB))
        while not kept[1].paused:
            kept[0].write(bytes(MIB))

    assert looked_at(program, *range(5)) == []
    kept[0].abort()


def test_bytes_that_are_sent_between_two_looks(only_ours, api, run, lints):
    """There is more at each look, but what was there at the last one is sent."""
    from aioxide.lints._patrol import Patrol

    async def read(loop, sock, count):
        while count:
            count -= len(await loop.sock_recv(sock, min(count, MIB)))

    async def main():
        loop, patrol, found = asyncio.get_running_loop(), Patrol(), []
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        with theirs:
            transport, protocol = await loop.create_connection(Careful, sock=ours)
            for now in range(4):
                amount = (now + 2) * MIB
                transport.write(bytes(amount))
                assert protocol.paused
                found += patrol.look(float(now))
                await read(loop, theirs, amount)
                while protocol.paused:
                    await api.sleep(0)
            transport.abort()
        return found

    assert run(main()) == []


def test_bytes_of_a_transport_that_closes(only_ours, api, looked_at, connect):
    kept = []

    async def program(spawn):
        transport, _ = await connect("plain", Heedless)
        transport.write(bytes(8 * MIB))
        transport.close()
        kept.append(transport)

    assert looked_at(program, 0, 1, 2) == []
    kept[0].abort()


def test_a_full_stream_is_found_once(only_ours, api, looked_at, contexts):
    """The transport of a stream is none of its own."""
    kept = []

    async def program(spawn):
        ours, theirs = socket.socketpair()
        _, writer = await api.open_connection(sock=ours)
        writer.write(bytes(8 * MIB))
        kept.extend([writer, theirs])

    (finding,) = looked_at(program, 0, 1, 2)
    kept[0].transport.abort()
    kept[1].close()
    assert "drain()" in finding.sentence
