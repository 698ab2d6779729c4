"""The clients that are compared, each used as its own documentation has it."""

from __future__ import annotations

import asyncio
import importlib
import importlib.metadata
import importlib.util
import json
import ssl
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast
from urllib.parse import urlsplit

#: Seconds for which an idle connection is kept where a row wants all of them.
KEPT_SECONDS = 600.0
#: Bytes that are read at a time from a long body, where the library has no way of its own.
PIECE_BYTES = 64 * 1024


@dataclass(frozen=True)
class Setting:
    """What a client is made with."""

    #: The PEM file of the authority that the server's certificate is from; None without TLS.
    authority: str | None = None
    #: Any number of connections, each kept for long. Otherwise the library's defaults hold.
    is_unlimited: bool = False

    def context(self) -> ssl.SSLContext | None:
        """The context for TLS, if there is to be any."""
        return ssl.create_default_context(cafile=self.authority) if self.authority else None


class Client(ABC):
    """One library, between `open` and `close`."""

    #: What the command line calls it.
    name: ClassVar[str]
    #: What the table calls it.
    title: ClassVar[str]
    #: The packages it needs, beside aioxide.
    packages: ClassVar[tuple[str, ...]] = ()
    #: What `aioxide.http` has to offer.
    needs: ClassVar[str | None] = None
    #: Whether `aioxide.install(http=True)` makes it what it is.
    is_accelerated: ClassVar[bool] = False
    #: The rows it has no part in.
    without: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, setting: Setting) -> None:
        self.setting = setting

    @classmethod
    def missing(cls) -> str | None:
        """Why it cannot be measured here; None if it can."""
        for package in cls.packages:
            if importlib.util.find_spec(package) is None:
                return f"{package} is not installed"
        if cls.needs or cls.is_accelerated:
            if importlib.util.find_spec("aioxide.http") is None:
                return "this aioxide has no aioxide.http"
            if cls.needs and not hasattr(importlib.import_module("aioxide.http"), cls.needs):
                return f"this aioxide has no aioxide.http.{cls.needs}"
        return None

    @classmethod
    def versions(cls) -> Mapping[str, str]:
        """The installed versions of its packages."""
        return {package: importlib.metadata.version(package) for package in cls.packages}

    @abstractmethod
    async def open(self) -> None:
        """Begins; no connection need be made."""

    @abstractmethod
    async def close(self) -> None:
        """Ends, with all connections."""

    @abstractmethod
    async def get_json(self, url: str) -> Any:
        """The document at `url`.

        Raises:
            Exception: the library's, for a status of 400 or more too.
        """

    async def download(self, url: str) -> int:
        """Reads a long body as it comes; returns its length."""
        raise NotImplementedError

    async def upload(self, url: str, pieces: AsyncIterator[bytes]) -> int:
        """Sends a body as it is made; returns how much of it the server has received."""
        raise NotImplementedError


class BareProtocol(asyncio.Protocol):
    """One connection that knows how many bytes an answer has."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._expected = 0
        self._future: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._expected:
            head, separator, _ = self._received.partition(b"\r\n\r\n")
            if not separator:
                return
            _, _, length = head.partition(b"content-length: ")
            self._expected = len(head) + 4 + int(length.partition(b"\r\n")[0])
        if len(self._received) >= self._expected and self._future is not None:
            answer, self._received = bytes(self._received), bytearray()
            self._future.set_result(answer)

    def exchange(self, request: bytes) -> asyncio.Future[bytes]:
        """Sends and returns the future of the answer, head and body."""
        self._future = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self._future


class Floor(Client):
    """No client at all: what the loop and the interpreter cost."""

    name = "floor"
    title = "a bare protocol, bytes"
    without = frozenset({"download", "upload", "idle"})
    is_decoding: ClassVar[bool] = False

    async def open(self) -> None:
        self._idle: list[BareProtocol] = []
        self._context = self.setting.context()
        self._requests: dict[str, bytes] = {}

    async def close(self) -> None:
        for protocol in self._idle:
            protocol.transport.close()

    async def get_json(self, url: str) -> Any:
        if url not in self._requests:
            parts = urlsplit(url)
            text = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n"
            self._requests[url] = text.encode()
        protocol = self._idle.pop() if self._idle else await self._connect(url)
        answer = await protocol.exchange(self._requests[url])
        self._idle.append(protocol)
        if self.is_decoding:
            return json.loads(answer[answer.index(b"\r\n\r\n") :])
        return answer

    async def _connect(self, url: str) -> BareProtocol:
        parts = urlsplit(url)
        loop = asyncio.get_running_loop()
        _, protocol = await loop.create_connection(
            BareProtocol, parts.hostname, parts.port, ssl=self._context
        )
        return protocol


class FloorWithJson(Floor):
    name = "floor_json"
    title = "a bare protocol, json.loads"
    is_decoding = True


class Pyreqwest(Client):
    name = "pyreqwest"
    title = "pyreqwest"
    packages = ("pyreqwest",)
    without = frozenset({"urls"})

    async def open(self) -> None:
        from pyreqwest.client import ClientBuilder

        builder = ClientBuilder().error_for_status(True)
        if self.setting.authority:
            with open(self.setting.authority, "rb") as file:
                builder = builder.add_root_certificate_pem(file.read())
        self._client = await builder.build().__aenter__()

    async def close(self) -> None:
        await self._client.__aexit__(None, None, None)

    async def get_json(self, url: str) -> Any:
        response = await self._client.get(url).build().send()
        return await response.json()

    async def download(self, url: str) -> int:
        count = 0
        async with self._client.get(url).build_streamed() as response:
            while (piece := await response.body_reader.read_chunk()) is not None:
                count += len(piece)
        return count

    async def upload(self, url: str, pieces: AsyncIterator[bytes]) -> int:
        response = await self._client.post(url).body_stream(pieces).build().send()
        return (await response.json())["received"]


class Aiohttp(Client):
    name = "aiohttp"
    title = "aiohttp"
    packages = ("aiohttp",)

    async def open(self) -> None:
        import aiohttp

        options: dict[str, Any] = {}
        if self.setting.authority:
            options["ssl"] = self.setting.context()
        if self.setting.is_unlimited:
            options |= {"limit": 0, "keepalive_timeout": KEPT_SECONDS}
        connector = aiohttp.TCPConnector(**options) if options else None
        self.session = self.session_class()(connector=connector)

    def session_class(self) -> Any:
        """What the session is made of."""
        import aiohttp

        return aiohttp.ClientSession

    async def close(self) -> None:
        await self.session.close()

    async def get_json(self, url: str) -> Any:
        async with self.session.get(url) as response:
            response.raise_for_status()
            return await response.json()

    async def download(self, url: str) -> int:
        count = 0
        async with self.session.get(url) as response:
            async for piece in response.content.iter_chunked(PIECE_BYTES):
                count += len(piece)
        return count

    async def upload(self, url: str, pieces: AsyncIterator[bytes]) -> int:
        async with self.session.post(url, data=pieces) as response:
            return (await response.json())["received"]


class Session(Aiohttp):
    name = "session"
    title = "aioxide.http.ClientSession"
    needs = "ClientSession"

    def session_class(self) -> Any:
        import aioxide.http

        return aioxide.http.ClientSession


class AcceleratedAiohttp(Aiohttp):
    name = "aiohttp_http"
    title = "aiohttp under --http"
    is_accelerated = True


class Httpx(Client):
    name = "httpx"
    title = "httpx"
    packages = ("httpx",)
    without = frozenset({"urls"})
    has_transport: ClassVar[bool] = False

    async def open(self) -> None:
        module = importlib.import_module(self.packages[0])
        options: dict[str, Any] = {}
        if self.setting.authority:
            options["verify"] = self.setting.context()
        if self.setting.is_unlimited:
            options["limits"] = module.Limits(keepalive_expiry=KEPT_SECONDS)
        if self.has_transport:
            import aioxide.http

            options = {"transport": aioxide.http.Transport(**options)}
        self._client = module.AsyncClient(**options)

    async def close(self) -> None:
        await self._client.aclose()

    async def get_json(self, url: str) -> Any:
        response = await self._client.get(url)
        response.raise_for_status()
        return response.json()

    async def download(self, url: str) -> int:
        count = 0
        async with self._client.stream("GET", url) as response:
            async for piece in response.aiter_bytes():
                count += len(piece)
        return count

    async def upload(self, url: str, pieces: AsyncIterator[bytes]) -> int:
        response = await self._client.post(url, content=pieces)
        return response.json()["received"]


class HttpxTransport(Httpx):
    name = "httpx_transport"
    title = "httpx over Transport"
    needs = "Transport"
    has_transport = True


class AcceleratedHttpx(Httpx):
    name = "httpx_http"
    title = "httpx under --http"
    is_accelerated = True


class Httpx2(Httpx):
    name = "httpx2"
    title = "httpx2"
    packages = ("httpx2",)


class Httpx2Transport(Httpx2):
    name = "httpx2_transport"
    title = "httpx2 over Transport"
    needs = "Transport"
    has_transport = True


class AcceleratedHttpx2(Httpx2):
    name = "httpx2_http"
    title = "httpx2 under --http"
    is_accelerated = True


#: In the order of the table.
CLIENTS: tuple[type[Client], ...] = (
    Floor,
    FloorWithJson,
    Pyreqwest,
    Aiohttp,
    Session,
    AcceleratedAiohttp,
    Httpx,
    HttpxTransport,
    AcceleratedHttpx,
    Httpx2,
    Httpx2Transport,
    AcceleratedHttpx2,
)


def find(name: str) -> type[Client]:
    """The client called `name`.

    Raises:
        ValueError: there is none.
    """
    for client in CLIENTS:
        if client.name == name:
            return client
    raise ValueError(f"no client is called {name!r}")
