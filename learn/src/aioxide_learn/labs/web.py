"""A small web site on loopback, for the checks of labs that fetch."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from .stage import Stage


@dataclass(frozen=True)
class Answer:
    """What the site answers: the status, the body, and after how many seconds."""

    status: int = 200
    body: str = "ok"
    after: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Visit:
    """One request as the site saw it; times in virtual seconds. `end` is None until answered."""

    path: str
    start: float
    end: float | None = None


Handler = Callable[[str], Answer | Awaitable[Answer]]


class Site:
    """A web site that answers as a function of the path says, over HTTP/1.1 with keep-alive.

    Attributes:
        visits: the requests, in the order in which they came.
        connections: how many were opened.
        most_at_once: how many requests were being answered at the same time at most.
        open: how many connections are open now.
    """

    def __init__(self, stage: Stage, answer: Handler) -> None:
        self._stage, self._answer = stage, answer
        self.visits: list[Visit] = []
        self.connections = self.open = 0
        self.most_at_once = self._at_once = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> Site:
        """Listen on a port of the system's choice; the stage closes the site at the end."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._stage.at_end(self.close)
        return self

    def url(self, path: str) -> str:
        port = self._server.sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}{path}"

    async def close(self) -> None:
        """Stop listening; connections end when their clients close them or the run ends."""
        self._server.close()

    async def _serve(self, reader, writer) -> None:
        self._stage.own.add(asyncio.current_task())
        self.connections += 1
        self.open += 1
        try:
            while request := await self._read_request(reader):
                await self._reply(request, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has gone
        finally:
            self.open -= 1
            writer.close()

    async def _read_request(self, reader) -> str:
        line = await reader.readline()
        while (await reader.readline()).strip():
            pass
        return line.decode("latin-1").split(" ")[1] if line else ""

    async def _reply(self, path: str, writer) -> None:
        visit = Visit(path, self._stage.now())
        self.visits.append(visit)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            answer = self._answer(path)
            if not isinstance(answer, Answer):
                answer = await answer
            await asyncio.sleep(answer.after)
        finally:
            self._at_once -= 1
        body = answer.body.encode()
        headers = {"Content-Type": "text/plain", "Content-Length": len(body), **answer.headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"HTTP/1.1 {answer.status} Status\r\n{head}\r\n".encode() + body)
        await writer.drain()
        visit.end = self._stage.now()


def refused_url() -> str:
    """Return a URL at which nobody listens."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/"
