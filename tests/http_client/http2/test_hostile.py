"""A server of HTTP/2 that lies, cuts and floods: an exception of the package, in time, bounded."""

import asyncio
import os
import resource
import struct

import aioxide
import aioxide.http
import httpx
import pytest
from tls.certificates import Certificates

from .frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PING,
    PRIORITY,
    PUSH,
    RST,
    SETTINGS,
    WINDOW,
    Scripted,
    fields,
    frame,
    head,
    request_of,
)

pytestmark = pytest.mark.timeout(60)

MEBIBYTE = 1 << 20
#: A whole response.
GOOD = head() + frame(DATA, END_STREAM, 1, b"hello")
#: Where a response may be cut: everywhere.
CUTS = range(len(GOOD))


@pytest.fixture(autouse=True)
def only_once():
    """The client needs aioxide's loop."""
    if os.environ.get("AIOXIDE_TEST_LOOPS") == "asyncio":
        pytest.skip("aioxide only")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Issued once."""
    return Certificates.issue(tmp_path_factory.mktemp("certificates"))


def met(certificates, script, settings=b"", timeout=20.0, work=None):
    """What comes of a request, and the server afterwards; nothing is left of the connection."""

    async def main():
        transport = aioxide.http.Transport(verify=certificates.client_context(), http2=True)
        async with Scripted(certificates.server_context(), script, settings) as server:
            script.server = server
            async with httpx.AsyncClient(transport=transport, timeout=timeout) as client:
                try:
                    found = await (work or get)(client, server.url)
                except httpx.RequestError as error:
                    found = error
                pool = transport._pools.of(asyncio.get_running_loop())
                assert pool.native.in_use == 0
        return found, server

    return aioxide.run(main())


async def get(client, url):
    return (await client.get(url)).content


def sending(data):
    """A script that answers a request with these bytes and ends the connection."""

    async def script(reader, writer):
        await request_of(reader)
        writer.write(data)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    return script


def test_the_whole_response(certificates):
    assert met(certificates, sending(GOOD))[0] == b"hello"


@pytest.mark.parametrize("end", CUTS)
def test_truncated_response(certificates, end):
    found, _ = met(certificates, sending(GOOD[:end]))
    assert isinstance(found, httpx.RemoteProtocolError | httpx.ReadError), found


BROKEN = {
    "no frame": b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    "data without a head": frame(DATA, END_STREAM, 1, b"hello"),
    "a stream nobody opened": head(5) + frame(DATA, END_STREAM, 5, b"hello"),
    "a stream of the server's": head(2),
    "stream 0": head(0),
    "a push, which is forbidden": frame(PUSH, END_HEADERS, 1, b"\0\0\0\2" + fields((":a", "b"))),
    "too large a frame": head() + frame(DATA, END_STREAM, 1, b"x" * 20_000),
    "a head without a status": frame(HEADERS, END_HEADERS, 1, fields(("a", "b"))),
    "a status that is none": head(status="two hundred"),
    "an upper-case name": frame(HEADERS, END_HEADERS, 1, fields((":status", "200"), ("A", "b"))),
    "an index that is none": frame(HEADERS, END_HEADERS, 1, b"\xff\xff\xff\x0f"),
    "a string longer than its block": frame(HEADERS, END_HEADERS, 1, b"\x88\x00\x7f\xff\x7fab"),
    "other frames within a head": head(flags=0) + frame(PING, payload=bytes(8)),
    "a continuation of nothing": frame(CONTINUATION, END_HEADERS, 1, fields(("a", "b"))),
    "padding longer than the frame": head() + frame(DATA, END_STREAM | 8, 1, b"\xffhello"),
    "more than was announced": head(1, ("content-length", "3"))
    + frame(DATA, END_STREAM, 1, b"hello"),
    "less than was announced": head(1, ("content-length", "9"))
    + frame(DATA, END_STREAM, 1, b"hello"),
    "settings of a stream": frame(SETTINGS, 0, 1),
    "settings of no length": frame(SETTINGS, payload=b"abc"),
    "a frame size that is none": frame(SETTINGS, payload=struct.pack(">HI", 5, 1)),
    "a window that is none": frame(SETTINGS, payload=struct.pack(">HI", 4, 1 << 31)),
    "an acknowledgement with contents": frame(SETTINGS, ACK, payload=bytes(6)),
    "a ping of no length": frame(PING, payload=b"abc"),
    "a window of the stream raised by nothing": frame(WINDOW, 0, 1, bytes(4)),
    "a window raised by nothing": frame(WINDOW, 0, 0, bytes(4)),
    "a window above the limit": frame(WINDOW, 0, 0, b"\x7f\xff\xff\xff"),
    "a stream that depends on itself": frame(PRIORITY, 0, 1, b"\0\0\0\1\x10"),
    "GOAWAY, and nothing": frame(GOAWAY, payload=struct.pack(">II", 1, 0)),
    "GOAWAY with an error": frame(GOAWAY, payload=struct.pack(">II", 1, 2) + b"why"),
    "GOAWAY in the middle": head()
    + frame(DATA, 0, 1, b"he")
    + frame(GOAWAY, payload=struct.pack(">II", 1, 1)),
    "a reset": frame(RST, 0, 1, struct.pack(">I", 2)),
    "a reset in the middle": head()
    + frame(DATA, 0, 1, b"he")
    + frame(RST, 0, 1, struct.pack(">I", 8)),
    "a reset of no length": frame(RST, 0, 1, b"abc"),
    "only 1xx": head(status="103") * 20,
    "101": head(status="101"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_response(certificates, case):
    found, _ = met(certificates, sending(BROKEN[case]))
    assert isinstance(found, httpx.RemoteProtocolError | httpx.ReadError), found


def test_goaway_that_lets_the_response_end(certificates):
    goaway = frame(GOAWAY, payload=struct.pack(">II", 1, 0))
    data = head() + goaway + frame(DATA, END_STREAM, 1, b"hello")
    assert met(certificates, sending(data))[0] == b"hello"


def test_goaway_for_ever_ends(certificates):
    """Each new connection says that it has not seen the request."""
    found, _ = met(certificates, sending(frame(GOAWAY, payload=struct.pack(">II", 0, 0))))
    assert isinstance(found, httpx.RemoteProtocolError), found


def test_refused_for_ever_ends(certificates):
    async def script(reader, writer):
        while True:
            stream = await request_of(reader)
            writer.write(frame(RST, 0, stream, struct.pack(">I", 7)))

    found, _ = met(certificates, script)
    assert isinstance(found, httpx.RemoteProtocolError), found


def test_http_1_1_required(certificates):
    """The error names the reason; the client does not ask again in another protocol."""
    found, _ = met(certificates, sending(frame(RST, 0, 1, struct.pack(">I", 13))))
    assert isinstance(found, httpx.RemoteProtocolError), found


def test_more_than_the_window_allows(certificates):
    async def script(reader, writer):
        await request_of(reader)
        writer.write(head())
        await script.server.flood(writer, frame(DATA, 0, 1, bytes(16_000)), 256 * MEBIBYTE)

    async def unread(client, url):
        async with client.stream("GET", url) as response:
            await asyncio.sleep(0.2)
            return await response.aread()

    before = peak()
    found, _ = met(certificates, script, work=unread)
    assert isinstance(found, httpx.RemoteProtocolError | httpx.ReadError), found
    # The stream is reset at once; what comes for it meanwhile is dropped.
    assert peak() - before < 64 * MEBIBYTE


#: What a server can send without end, and how many bytes of it may be taken.
FLOODS = {
    "fields": (lambda: frame(CONTINUATION, 0, 1, fields(("x", "y" * 8000))), 16),
    "empty continuations": (lambda: frame(CONTINUATION, 0, 1) * 1000, 16),
    "fields by one index": (lambda: frame(CONTINUATION, 0, 1, b"\xbe" * 16_000), 16),
}


@pytest.mark.parametrize("case", FLOODS)
def test_head_without_end(certificates, case):
    make, most = FLOODS[case]

    async def script(reader, writer):
        await request_of(reader)
        # The first field goes into the table, so that an index of one byte stands for it.
        block = fields((":status", "200"), ("x-long", "y" * 4000))
        writer.write(frame(HEADERS, 0, 1, block))
        await script.server.flood(writer, make(), 256 * MEBIBYTE)

    before = peak()
    found, server = met(certificates, script)
    assert isinstance(found, httpx.RemoteProtocolError | httpx.ReadError), found
    assert server.sent < most * MEBIBYTE
    assert peak() - before < 64 * MEBIBYTE


def peak():
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.parametrize(
    "data",
    [
        frame(SETTINGS) * 1000,
        frame(PING, payload=bytes(8)) * 1000,
        frame(WINDOW, 0, 0, b"\0\0\0\1") * 1000,
        frame(PRIORITY, 0, 3, b"\0\0\0\0\x10") * 1000,
        frame(0x77, 0, 0, b"unknown") * 1000,
        frame(DATA, 0, 1) * 1000,
        head(status="103") * 1000,
    ],
    ids=["settings", "pings", "windows", "priorities", "unknown frames", "empty data", "1xx"],
)
def test_flood_of_frames_that_want_an_answer(certificates, data):
    """The server reads nothing of it. The request ends by its time, and memory does not grow."""

    async def script(reader, writer):
        await request_of(reader)
        reader._transport.pause_reading()
        if data.startswith(frame(DATA, 0, 1)):
            writer.write(head())
        await script.server.flood(writer, data, 1 << 40)

    async def limited(client, url):
        async with asyncio.timeout(3):
            return await get(client, url)

    before = peak()
    try:
        limits = httpx.Timeout(20, read=0.5)
        found, _ = met(certificates, script, timeout=limits, work=limited)
    except TimeoutError as error:
        found = error
    assert isinstance(found, httpx.RequestError | TimeoutError), found
    assert peak() - before < 64 * MEBIBYTE
