"""The server's process of the HTTP soak: answers as the path says, and checks every upload.

    python soak/http_server.py --loop aioxide --seed 1

Started by ``http_run.py``, which says on standard input what to do.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import socket
import ssl
import struct
from collections import Counter
from typing import Any

import census
from http2_server import Http2Connection
from http_wire import Asked, checksum, pieces
from worker import Complaints, Orders, answer, run

#: Seconds until the last connection of a wave must be gone.
PATIENCE = 60
HEAD_LIMIT = 64 * 1024


class Server:
    """All connections, and what has come over them."""

    def __init__(self, complaints: Complaints) -> None:
        self._complaints = complaints
        self._tasks: set[asyncio.Task[None]] = set()
        #: How often each request with a body has come in this wave.
        self._uploads: Counter[int] = Counter()
        self.requests = 0
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        tls = writer.get_extra_info("ssl_object")
        try:
            if tls is not None and tls.selected_alpn_protocol() == "h2":
                await Http2Connection(reader, writer, self._take).serve()
            while await self._answer(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has left
        except ssl.SSLError:
            pass  # the client has left within a record
        except Exception as error:
            self._complaints.add_exception("a connection", error)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request; whether the connection goes on."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *lines = head.split("\r\n")
        fields = dict(text.lower().split(": ", 1) for text in lines if text)
        method, _, rest = line.partition(" ")
        path, _, version = rest.partition(" ")
        if version != "HTTP/1.1":
            self._complaints.add(f"not a request of this soak: {head[:200]!r}")
            return False
        asked = self._take(method, path, await read_body(reader, fields))
        if asked is None:
            return False
        await asyncio.sleep(asked.delay / 1000)
        return await respond(asked, reader, writer)

    def _take(self, method: str, path: str, body: bytes) -> Asked | None:
        """Count a whole request and compare it; None if it is none of this soak."""
        try:
            asked = Asked.parse(path)
            assert method == ("POST" if asked.upload else "GET")
        except (ValueError, AssertionError):
            self._complaints.add(f"not a request of this soak: {method} {path[:200]!r}")
            return None
        self.requests += 1
        if body != asked.body():
            self._complaints.add(f"request {asked.name}: {len(body)} bytes of another body")
        if asked.upload:
            self._uploads[asked.name] += 1
            if self._uploads[asked.name] > 1:
                self._complaints.add(f"request {asked.name} with a body was sent twice")
        return asked

    async def settle(self) -> None:
        """Wait until no connection is left.

        All of them have been closed by the clients.
        """
        if self._tasks:
            _, stuck = await asyncio.wait(self._tasks, timeout=PATIENCE)
            for task in stuck:
                self._complaints.add(f"a connection is still there after {PATIENCE} s")
                task.cancel()
        self._uploads.clear()


async def read_body(reader: asyncio.StreamReader, fields: dict[str, str]) -> bytes:
    """The body of a request."""
    if fields.get("transfer-encoding") != "chunked":
        return await reader.readexactly(int(fields.get("content-length", 0)))
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)
    return body


async def respond(asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Answer; whether the connection goes on."""
    data = asked.answer()
    head = f"HTTP/1.1 200 OK\r\nx-name: {asked.name}\r\nx-sum: {checksum(data)}\r\n"
    match asked.how:
        case "silent":
            await reader.read(1)
            return False
        case "length":
            writer.write(f"{head}content-length: {asked.size}\r\n\r\n".encode() + data)
        case "cut":
            writer.write(f"{head}content-length: {asked.size + 1}\r\n\r\n".encode() + data)
            await writer.drain()
            reset(writer)
            return False
        case "close":
            writer.write(f"{head}connection: close\r\n\r\n".encode() + data)
            await writer.drain()
            return False
        case "chunked" | "slow":
            writer.write(f"{head}transfer-encoding: chunked\r\n\r\n".encode())
            for piece in pieces(data):
                writer.write(b"%x\r\n" % len(piece) + piece + b"\r\n")
                await writer.drain()
                if asked.how == "slow":
                    await asyncio.sleep(0.05)
            writer.write(b"0\r\n\r\n")
    await writer.drain()
    return True


def reset(writer: asyncio.StreamWriter) -> None:
    """End the connection by an RST."""
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def main(options: argparse.Namespace, orders: Orders, complaints: Complaints) -> None:
    """Do as told until there are no more orders."""
    context: ssl.SSLContext | None = None
    if options.certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(options.certificate)
        context.set_alpn_protocols(["h2", "http/1.1"])
    without = census.descriptors()
    server = Server(complaints)
    listeners, bases = [], []
    for tls in (None, context) if context else (None,):
        listener = await asyncio.start_server(
            server.serve, "127.0.0.1", 0, ssl=tls, backlog=4096, limit=HEAD_LIMIT
        )
        port = listener.sockets[0].getsockname()[1]
        listeners.append(listener)
        bases.append(f"{'https' if tls else 'http'}://127.0.0.1:{port}")
    at_start = census.descriptors()
    answer(bases=bases)
    while (order := await orders.next()) is not None:
        match order["do"]:
            case "count":
                await server.settle()
                report: dict[str, Any] = {
                    "requests": server.requests,
                    "connections": server.connections,
                }
                answer(report=report, census=await census.take(at_start), **complaints.told())
            case "end":
                for listener in listeners:
                    listener.close()
                    await listener.wait_closed()
                answer(census=await census.take(without), **complaints.told())
                return


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--certificate", help="file of a key with its certificate")
    run(main, parser)
