"""httpx: its asynchronous client against a server of asyncio's own streams, over TCP and TLS."""

import asyncio
import contextlib
import hashlib
import json
import random
from collections.abc import AsyncIterator

import httpx
from harness.given import Given

MIB = 1 << 20
# The default of 5 s includes the wait for one of the connections.
SECONDS = 60.0


def main(given: Given) -> None:
    given.run(work(given))


async def work(given: Given) -> None:
    server = Server()
    async with (
        server.listening() as base_url,
        httpx.AsyncClient(base_url=base_url, timeout=SECONDS) as client,
    ):
        await many_requests(given, client)
        await large_bodies(given, client)
        await cancelled(given, client, server)
        await timeout(given, client)
    async with (
        server.listening(given.server_tls()) as base_url,
        httpx.AsyncClient(base_url=base_url, timeout=SECONDS, verify=given.client_tls()) as client,
    ):
        await large_bodies(given, client, "https")
    async with httpx.AsyncClient(base_url=base_url) as client:
        try:
            await client.get("/echo")
        except httpx.ConnectError:
            given.did("closed cleanly")
        else:
            raise AssertionError("the server still answers after it was closed")


class Server:
    """An HTTP/1.1 server, as small as httpx can do with."""

    def __init__(self) -> None:
        self.connections: set[asyncio.Task[None]] = set()
        # Set when a client has gone before its answer was complete.
        self.abandoned = asyncio.Event()

    @contextlib.asynccontextmanager
    async def listening(self, tls=None) -> AsyncIterator[str]:
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0, ssl=tls)
        port = server.sockets[0].getsockname()[1]
        async with server:
            yield f"{'https' if tls else 'http'}://localhost:{port}"
        if self.connections:
            await asyncio.wait(self.connections)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.connections.add(task)
        task.add_done_callback(self.connections.discard)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self.answer(head.decode(), reader, writer)
        except asyncio.IncompleteReadError:
            pass  # the client has closed
        except ConnectionError:
            self.abandoned.set()
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def answer(
        self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        request, *lines = head.split("\r\n")
        path = request.split(" ")[1]
        headers = {name.lower(): value for name, _, value in (s.partition(": ") for s in lines)}
        digest = hashlib.sha256()
        async for chunk in body(headers, reader):
            digest.update(chunk)
        if path.startswith("/stream/"):
            writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            for number in range(int(path.rpartition("/")[2])):
                writer.write(b"%x\r\n" % MIB + bytes([number % 256]) * MIB + b"\r\n")
                await writer.drain()
            writer.write(b"0\r\n\r\n")
        elif path == "/never":
            await reader.read(1)
            self.abandoned.set()
        else:
            text = json.dumps({"path": path, "digest": digest.hexdigest()}).encode()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(text) + text)
        await writer.drain()


async def body(headers: dict[str, str], reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    if headers.get("transfer-encoding") == "chunked":
        while size := int(await reader.readline(), 16):
            yield await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)
    elif length := int(headers.get("content-length", 0)):
        yield await reader.readexactly(length)


async def many_requests(given: Given, client: httpx.AsyncClient) -> None:
    total = given.times(200, 100)
    answers = await asyncio.gather(*(client.get(f"/echo/{n}") for n in range(total)))
    assert [answer.json()["path"] for answer in answers] == [f"/echo/{n}" for n in range(total)]
    given.did(f"{total} requests at once")


async def large_bodies(given: Given, client: httpx.AsyncClient, how: str = "") -> None:
    size = given.times(32, 4)
    chunks = [random.Random(number).randbytes(MIB) for number in range(size)]

    async def content() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    answer = await client.post("/digest", content=content())
    assert answer.json()["digest"] == hashlib.sha256(b"".join(chunks)).hexdigest()
    received = 0
    async with client.stream("GET", f"/stream/{size}") as response:
        async for chunk in response.aiter_bytes():
            assert chunk[0] == received // MIB % 256
            received += len(chunk)
    assert received == size * MIB, received
    given.did(f"{size} MiB up and down" + (f" over {how}" if how else ""))


async def cancelled(given: Given, client: httpx.AsyncClient, server: Server) -> None:
    arrived = asyncio.Event()

    async def download() -> None:
        async with client.stream("GET", "/stream/100000") as response:
            async for _ in response.aiter_bytes():
                arrived.set()

    task = asyncio.create_task(download())
    await arrived.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()
    await asyncio.wait_for(server.abandoned.wait(), 30)
    server.abandoned.clear()
    given.did("a download cancelled")


async def timeout(given: Given, client: httpx.AsyncClient) -> None:
    try:
        await client.get("/never", timeout=0.05)
    except httpx.ReadTimeout:
        given.did("a timeout")
    else:
        raise AssertionError("a request that is never answered was")
