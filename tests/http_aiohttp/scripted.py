"""A server that answers as it is told, and keeps every request as it came, byte for byte."""

import asyncio
import socket
import struct


class Close:
    """Closes the connection instead of an answer."""


class Reset:
    """Resets the connection instead of an answer."""


class Silence:
    """Never answers."""


class Pause:
    """Waits until the test lets the rest go: ``server.go_on.set()``."""


def response(body=b"", status=b"200 OK", headers=(), length=True):
    """The bytes of a response."""
    lines = [b"HTTP/1.1 " + status, *(f"{name}: {value}".encode() for name, value in headers)]
    if length:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def json_response(body, **more):
    return response(body, headers=[("Content-Type", "application/json"), *more.get("headers", ())])


def redirect(location, status=b"302 Found", headers=()):
    return response(status=status, headers=[("Location", location), *headers])


def chunked(*pieces, headers=()):
    """The bytes of a response in chunks, one for each piece."""
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    return response(body, headers=[("Transfer-Encoding", "chunked"), *headers], length=False)


class ScriptedServer:
    """Answers the requests it gets, over all connections, in the order of the script.

    An answer is bytes, ``Close``, ``Reset``, ``Silence`` or a list of these and ``Pause``. The last
    answer is repeated. ``requests`` are the bytes of each request; ``connections`` counts.
    """

    def __init__(self, answers):
        self._answers = list(answers)
        self.requests = []
        self.connections = 0
        self.most = 0
        self._open = 0
        self.go_on = asyncio.Event()
        self._tasks = set()

    async def start(self, address="127.0.0.1", **options):
        self._server = await asyncio.start_server(self._serve, address, 0, **options)
        self.port = self._server.sockets[0].getsockname()[1]
        scheme = "https" if options.get("ssl") else "http"
        self.url = f"{scheme}://{address}:{self.port}"
        return self

    async def start_unix(self, path):
        self._server = await asyncio.start_unix_server(self._serve, path)
        self.port = 80
        self.url = "http://localhost"
        return self

    async def close(self):
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        self.connections += 1
        self._open += 1
        self.most = max(self.most, self._open)
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, ValueError):
            pass
        finally:
            self._open -= 1
            self._tasks.discard(task)
            writer.transport.abort()

    async def _exchange(self, reader, writer):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return False
        index = len(self.requests)
        self.requests.append(head)
        if b"expect: 100-continue" in head.lower():
            answer = self._answers[min(index, len(self._answers) - 1)]
            if not (isinstance(answer, bytes) and answer.startswith(b"HTTP/1.1 417")):
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                self.requests[index] += await body_of(head, reader)
        else:
            self.requests[index] += await body_of(head, reader)
        answer = self._answers[min(index, len(self._answers) - 1)]
        for part in answer if isinstance(answer, list) else [answer]:
            if part is Pause:
                await writer.drain()
                await self.go_on.wait()
                self.go_on.clear()
            elif part is Silence:
                await asyncio.sleep(3600)
            elif part is Close:
                writer.close()
                return False
            elif part is Reset:
                reset(writer)
                return False
            else:
                part = part(head) if callable(part) else part
                if head.startswith(b"HEAD"):
                    part = part[: part.index(b"\r\n\r\n") + 4]
                writer.write(part)
        await writer.drain()
        return True


async def body_of(head, reader):
    """Read the body of a request as its head says; the bytes on the wire."""
    lower = head.lower()
    if b"transfer-encoding: chunked" in lower:
        body = b""
        while True:
            line = await reader.readline()
            body += line
            size = int(line, 16)
            body += await reader.readexactly(size + 2)
            if not size:
                return body
    for line in lower.split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return await reader.readexactly(int(line.split(b":")[1]))
    return b""


def reset(writer):
    """Close a connection by RST: the peer gets ECONNRESET."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
