"""An HTTP/1.1 server on asyncio's streams that answers well, badly and not at all."""

import asyncio
import contextlib
import gzip
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

#: What a page may do with a connection instead of answering.
DROP = object()
STALL = object()


@dataclass
class Request:
    """What a client has sent."""

    method: str
    path: str
    #: Names in lower case; the first of each.
    headers: dict[str, str]
    #: The head as it came, with the server's port left out of it.
    head: str
    body: bytes = b""

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Response:
    """What is to be sent."""

    status: int = 200
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)
    #: Sent in chunks instead of `body`; DROP among them ends the connection, STALL waits for its
    #: end.
    pieces: Iterable[Any] | None = None


def as_json(content: Any, status: int = 200, **headers: str) -> Response:
    """A response of JSON."""
    fields = [("content-type", "application/json"), *headers.items()]
    return Response(status, json.dumps(content).encode(), fields)


Page = Callable[[Request], Response | object]


class Api:
    """The server: every path that is not among its `pages` is one of the usual ones."""

    def __init__(self, pages: dict[str, Page] | None = None) -> None:
        self._pages = pages or {}
        self._connections: set[asyncio.Task[None]] = set()
        #: How many connections have been made.
        self.accepted = 0
        #: How often each path was asked for.
        self.seen: Counter[str] = Counter()
        #: Set when a client has gone before its answer was complete.
        self.abandoned = asyncio.Event()

    @contextlib.asynccontextmanager
    async def listening(self, tls=None) -> AsyncIterator[str]:
        """Serve on a free port; answers the address."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        self._port = server.sockets[0].getsockname()[1]
        async with server:
            yield f"{'https' if tls else 'http'}://127.0.0.1:{self._port}"
        if self._connections:
            await asyncio.wait(self._connections)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        self.accepted += 1
        try:
            while await self._answer(await self._read(reader), reader, writer):
                pass
        except asyncio.IncompleteReadError:
            pass  # the client has closed
        except ConnectionError:
            self.abandoned.set()
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _read(self, reader: asyncio.StreamReader) -> Request:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *lines = head.split("\r\n")
        method, path, _ = line.split(" ")
        headers: dict[str, str] = {}
        for name, _, value in (text.partition(": ") for text in lines if text):
            headers.setdefault(name.lower(), value)
        request = Request(method, path, headers, head.replace(f":{self._port}", ":PORT"))
        if headers.get("transfer-encoding") == "chunked":
            while size := int(await reader.readline(), 16):
                request.body += await reader.readexactly(size)
                await reader.readexactly(2)
            await reader.readexactly(2)
        elif length := int(headers.get("content-length", 0)):
            request.body = await reader.readexactly(length)
        return request

    async def _answer(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Answer a request; whether the connection goes on."""
        path = request.path.partition("?")[0]
        self.seen[path] += 1
        response = self._pages.get(path, usual)(request)
        if response is DROP:
            return False
        if response is STALL:
            await self._until_gone(reader)
            return False
        assert isinstance(response, Response)
        lines = [f"HTTP/1.1 {response.status} Status", *map(": ".join, response.headers)]
        if response.pieces is None:
            if response.status not in (204, 304):
                lines.append(f"content-length: {len(response.body)}")
            body = b"" if request.method == "HEAD" else response.body
            writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
            await writer.drain()
            return True
        lines.append("transfer-encoding: chunked")
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        for piece in response.pieces:
            if piece is DROP:
                return False
            if piece is STALL:
                await self._until_gone(reader)
                return False
            writer.write(b"%x\r\n" % len(piece) + piece + b"\r\n")
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    async def _until_gone(self, reader: asyncio.StreamReader) -> None:
        await reader.read(1)
        self.abandoned.set()


def usual(request: Request) -> Response | object:
    """The pages that every program may ask for."""
    path, _, query = request.path.partition("?")
    kind, _, number = path[1:].partition("/")
    match kind:
        case "json":
            return as_json({"number": int(number), "query": query})
        case "echo":
            return as_json({"method": request.method, "body": request.body.decode("latin-1")})
        case "head":
            return as_json({"head": request.head})
        case "status":
            return Response(204) if number == "204" else as_json({"status": number}, int(number))
        case "text":
            return Response(
                200, "Grüße".encode("latin-1"), [("content-type", "text/plain; charset=latin-1")]
            )
        case "gzip":
            fields = [("content-encoding", "gzip"), ("content-type", "text/plain")]
            return Response(200, gzip.compress(b"hello " * 1000), fields)
        case "redirect":
            left = int(number)
            return Response(
                302, b"", [("location", f"/redirect/{left - 1}" if left else "/json/0")]
            )
        case "cookie":
            return Response(
                200, b"", [("set-cookie", "a=1; Path=/"), ("set-cookie", "b=2; HttpOnly")]
            )
        case "stream":
            return Response(200, pieces=(bytes([n % 256]) * 65536 for n in range(int(number))))
        case "cut":
            return Response(200, pieces=[b"x" * 1000, DROP])
        case "stall":
            return Response(200, pieces=[b"x" * 1000, STALL])
        case "drop":
            return DROP
        case "never":
            return STALL
    return as_json({"error": "no such page"}, 404)
