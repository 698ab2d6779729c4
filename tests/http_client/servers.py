"""A small HTTP/1.1 server on the loop of the test, which notes what it was asked."""

import asyncio
import contextlib
from dataclasses import dataclass, field


@dataclass
class Request:
    """A request as the server has received it."""

    method: str
    target: str
    version: str
    headers: list
    body: bytes = b""
    connection: int = 0  # the number of the connection that it came on
    peer: tuple = ()
    server_name: str | None = None

    def get(self, name):
        """The first header of this name, or None."""
        return next((value for key, value in self.headers if key.lower() == name), None)


@dataclass
class Connection:
    """One accepted connection."""

    number: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    closed: asyncio.Event = field(default_factory=asyncio.Event)  # by the client


class Listener:
    """What both the servers and the proxies of these tests are.

    tls: the context of its side, or None.
    """

    def __init__(self, tls=None):
        self.tls = tls
        self.accepted = []
        self._server = None
        self._tasks = set()

    async def start(self, host="127.0.0.1", path=None):
        """Listens on a free port of host, or on a Unix socket."""
        if path is not None:
            self._server = await asyncio.start_unix_server(self._accept, path, ssl=self.tls)
        else:
            self._server = await asyncio.start_server(self._accept, host, 0, ssl=self.tls)
            self.host, self.port = self._server.sockets[0].getsockname()[:2]

    async def stop(self):
        """Closes everything, and waits until it is."""
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in self.accepted:
            connection.writer.transport.abort()
        await asyncio.sleep(0)
        await self._server.wait_closed()

    async def _accept(self, reader, writer):
        connection = Connection(len(self.accepted), reader, writer)
        self.accepted.append(connection)
        task = asyncio.current_task()
        self._tasks.add(task)
        try:
            await self.serve(connection)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            pass
        finally:
            self._tasks.discard(task)
            connection.closed.set()
            with contextlib.suppress(Exception):
                writer.transport.abort()

    async def serve(self, connection):
        """Talks to a client until its connection may be closed."""
        raise NotImplementedError

    async def read_head(self, connection):
        """The next request without its body; None at the end."""
        try:
            head = await connection.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise
            return None
        first, *lines = head[:-4].decode("latin-1").split("\r\n")
        method, target, version = first.split(" ")
        headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines]
        tls = connection.writer.get_extra_info("ssl_object")
        return Request(
            method,
            target,
            version,
            headers,
            connection=connection.number,
            peer=connection.writer.get_extra_info("peername"),
            server_name=getattr(tls, "requested_name", None),
        )

    async def read_body(self, connection, request):
        """Reads the body of a request, in whichever framing."""
        if (request.get("transfer-encoding") or "").lower() == "chunked":
            while size := int(await connection.reader.readuntil(b"\r\n"), 16):
                request.body += await connection.reader.readexactly(size)
                await connection.reader.readexactly(2)
            await connection.reader.readuntil(b"\r\n")
        else:
            size = int(request.get("content-length") or 0)
            request.body = await connection.reader.readexactly(size)


class Server(Listener):
    """Answers each request by ``answer``.

    answer: a coroutine function of the request and the connection. It returns bytes that are sent
        as they are, or None to close the connection. By default `echo`.
    requests: what was asked so far.
    """

    def __init__(self, tls=None):
        super().__init__(tls)
        self.answer = echo
        self.requests = []
        self.received = asyncio.Event()  # a request's head

    @property
    def url(self):
        """The URL of the server, without a path."""
        return f"{'https' if self.tls else 'http'}://localhost:{self.port}"

    async def serve(self, connection):
        """Answers requests as long as they come."""
        while (request := await self.read_head(connection)) is not None:
            self.requests.append(request)
            self.received.set()
            if (request.get("expect") or "") == "100-continue":
                connection.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            if request.get("x-unread") is None:
                await self.read_body(connection, request)
            answer = await self.answer(request, connection)
            if answer is None:
                return
            connection.writer.write(answer)
            await connection.writer.drain()


async def echo(request, connection):
    """The request's line and body, as text."""
    text = f"{request.method} {request.target}\n".encode() + request.body
    if request.method == "HEAD":
        return response(text).split(b"\r\n\r\n")[0] + b"\r\n\r\n"
    return response(text)


def response(body=b"", status="200 OK", headers=()):
    """A response with a body of known length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
