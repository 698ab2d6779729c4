"""A server of HTTP/2 over TLS whose every frame is scripted."""

import asyncio
import contextlib
import struct

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END_STREAM, END_HEADERS, ACK = 1, 4, 1


def frame(kind, flags=0, stream=0, payload=b""):
    """One frame, whatever is in it."""
    return (
        struct.pack(">HBBBI", len(payload) >> 8, len(payload) & 255, kind, flags, stream) + payload
    )


def fields(*pairs):
    """A block of fields that depends on no other."""
    return hpack.Encoder().encode(list(pairs), huffman=False)


def head(stream=1, *pairs, flags=END_HEADERS, status="200"):
    """The head of a response."""
    return frame(HEADERS, flags, stream, fields((":status", status), *pairs))


class Scripted:
    """``script(reader, writer)`` gets each connection, behind the client's preface.

    Between the preface and the script the server has sent its settings.
    """

    def __init__(self, context, script, settings=b""):
        self.context = context
        self.context.set_alpn_protocols(["h2"])
        self.script = script
        self.settings = frame(SETTINGS, payload=settings)
        #: Bytes that were written, as far as the client has let them.
        self.sent = 0
        self.tasks = set()

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0, ssl=self.context)
        self.url = f"https://localhost:{self.server.sockets[0].getsockname()[1]}/"
        return self

    async def __aexit__(self, *_):
        self.server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def serve(self, reader, writer):
        self.tasks.add(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            assert await reader.readexactly(len(PREFACE)) == PREFACE
            writer.write(self.settings)
            await self.script(reader, writer)
        writer.transport.abort()

    async def flood(self, writer, data, limit):
        """Write it again and again, until the client is gone or so many bytes are sent."""
        while self.sent < limit and not writer.is_closing():
            writer.write(data)
            await writer.drain()
            self.sent += len(data)


async def request_of(reader):
    """Read frames until the head of a request; return its stream."""
    while True:
        high, low, kind, _, stream = struct.unpack(">HBBBI", await reader.readexactly(9))
        await reader.readexactly(high << 8 | low)
        if kind == HEADERS:
            return stream
