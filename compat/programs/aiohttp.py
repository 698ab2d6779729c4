"""aiohttp: a server and its clients in one process, over TCP, TLS and a Unix socket."""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web
from harness.given import Given

MIB = 1 << 20


def main(given: Given) -> None:
    given.run(work(given))


async def work(given: Given) -> None:
    server = Server(given)
    async with server.listening() as runner:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            await many_requests(given, session)
            await large_bodies(given, session)
            await form_with_a_file(given, session)
            await websocket(given, session)
            await cancelled_download(given, session, server)
            await timeout(given, session)
        await over_tls(given, runner)
        await over_a_unix_socket(given, runner)
    await refused(given, port)


class Server:
    """The handlers, and what they have seen."""

    def __init__(self, given: Given) -> None:
        self.file = given.folder / "page"
        self.file.write_bytes(random.Random(1).randbytes(3 * MIB))
        self.interrupted = asyncio.Event()
        given.check_loop()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[web.AppRunner]:
        app = web.Application(client_max_size=256 * MIB)
        app.router.add_post("/json", self.json)
        app.router.add_post("/digest", self.digest)
        app.router.add_get("/stream/{mib}", self.stream)
        app.router.add_get("/file", self.page)
        app.router.add_post("/form", self.form)
        app.router.add_get("/echo", self.echo)
        app.router.add_get("/endless", self.endless)
        app.router.add_get("/never", self.never)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
        await runner.setup()
        try:
            yield runner
        finally:
            await runner.cleanup()

    async def json(self, request: web.Request) -> web.Response:
        return web.json_response({"got": await request.json()})

    async def digest(self, request: web.Request) -> web.Response:
        digest = hashlib.sha256()
        async for chunk in request.content.iter_any():
            digest.update(chunk)
        return web.Response(text=digest.hexdigest())

    async def stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for number in range(int(request.match_info["mib"])):
            await response.write(bytes([number % 256]) * MIB)
        await response.write_eof()
        return response

    async def page(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(self.file)

    async def form(self, request: web.Request) -> web.Response:
        data = await request.post()
        file = data["file"]
        assert isinstance(file, web.FileField)
        with file.file:
            return web.json_response({"name": file.filename, "size": len(file.file.read())})

    async def echo(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=64 * MIB)
        await socket.prepare(request)
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                await socket.send_str(message.data)
            else:
                await socket.send_bytes(message.data)
        return socket

    async def endless(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * MIB)
        except (asyncio.CancelledError, ConnectionError):
            self.interrupted.set()
            raise

    async def never(self, request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets that event")


async def many_requests(given: Given, session: aiohttp.ClientSession) -> None:
    async def one(number: int) -> None:
        async with session.post("/json", json={"number": number}) as response:
            assert await response.json() == {"got": {"number": number}}

    total = given.times(1000, 200)
    async with asyncio.TaskGroup() as group:
        for number in range(total):
            group.create_task(one(number))
    given.did(f"{total} requests at once")


async def large_bodies(given: Given, session: aiohttp.ClientSession) -> None:
    size = given.times(64, 8)
    chunks = [random.Random(number).randbytes(MIB) for number in range(size)]

    async def body() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    async with session.post("/digest", data=body()) as response:
        assert await response.text() == hashlib.sha256(b"".join(chunks)).hexdigest()
    received = 0
    async with session.get(f"/stream/{size}") as response:
        async for chunk in response.content.iter_any():
            assert chunk[0] == received // MIB % 256
            received += len(chunk)
    assert received == size * MIB, received
    given.did(f"{size} MiB up and down")


async def form_with_a_file(given: Given, session: aiohttp.ClientSession) -> None:
    form = aiohttp.FormData()
    form.add_field("file", random.Random(2).randbytes(2 * MIB), filename="a.bin")
    async with session.post("/form", data=form) as response:
        assert await response.json() == {"name": "a.bin", "size": 2 * MIB}
    async with session.get("/file") as response:
        assert await response.read() == random.Random(1).randbytes(3 * MIB)
    given.did("a form and a file")


async def websocket(given: Given, session: aiohttp.ClientSession) -> None:
    async def one(number: int) -> None:
        async with session.ws_connect("/echo", max_msg_size=64 * MIB, compress=15) as socket:
            for text in (f"{number}", "…" * 1000):
                await socket.send_str(text)
                assert await socket.receive_str(timeout=30) == text
            if number == 0:
                data = random.Random(3).randbytes(given.times(16, 4) * MIB)
                await socket.send_bytes(data)
                assert await socket.receive_bytes(timeout=30) == data
            await socket.close()
            assert socket.close_code == aiohttp.WSCloseCode.OK

    await asyncio.gather(*map(one, range(50)))
    given.did("50 websockets")


async def cancelled_download(given: Given, session: aiohttp.ClientSession, server: Server) -> None:
    arrived = asyncio.Event()

    async def download() -> None:
        async with session.get("/endless") as response:
            async for _ in response.content.iter_any():
                arrived.set()

    task = asyncio.create_task(download())
    await arrived.wait()
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass
    else:
        raise AssertionError("the download ended though it has no end")
    await asyncio.wait_for(server.interrupted.wait(), 30)
    given.did("a download cancelled")


async def timeout(given: Given, session: aiohttp.ClientSession) -> None:
    try:
        await session.get("/never", timeout=aiohttp.ClientTimeout(total=0.05))
    except TimeoutError:
        given.did("a timeout")
    else:
        raise AssertionError("a request that is never answered was")


async def over_tls(given: Given, runner: web.AppRunner) -> None:
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=given.server_tls())
    await site.start()
    port = runner.addresses[-1][1]
    connector = aiohttp.TCPConnector(ssl=given.client_tls())
    async with aiohttp.ClientSession(f"https://localhost:{port}", connector=connector) as session:
        await asyncio.gather(*(fetch_file(session) for _ in range(20)))
        async with session.post("/digest", data=b"x" * (8 * MIB)) as response:
            assert await response.text() == hashlib.sha256(b"x" * (8 * MIB)).hexdigest()
    # The authority is not one of the system's.
    async with aiohttp.ClientSession(f"https://localhost:{port}") as session:
        try:
            await session.get("/file")
        except aiohttp.ClientConnectorCertificateError:
            pass
        else:
            raise AssertionError("a certificate of an unknown authority was taken")
    given.did("https")


async def over_a_unix_socket(given: Given, runner: web.AppRunner) -> None:
    path = str(given.folder / "http.sock")
    await web.UnixSite(runner, path).start()
    connector = aiohttp.UnixConnector(path)
    async with aiohttp.ClientSession("http://localhost", connector=connector) as session:
        await asyncio.gather(*(fetch_file(session) for _ in range(20)))
    given.did("a Unix socket")


async def fetch_file(session: aiohttp.ClientSession) -> None:
    async with session.get("/file") as response:
        assert len(await response.read()) == 3 * MIB


async def refused(given: Given, port: int) -> None:
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        try:
            await session.get("/file")
        except aiohttp.ClientConnectorError:
            given.did("closed cleanly")
        else:
            raise AssertionError("the server still answers after its cleanup")
