"""Connections that stop being HTTP, by ``network_stream``: httpx and httpx2 by each door."""

import base64
import hashlib

import pytest


async def shout(request, connection):
    """Switches protocols, then returns each line in capitals."""
    connection.writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: shout\r\nConnection: Upgrade\r\n\r\nready\n"
    )
    while line := await connection.reader.readline():
        connection.writer.write(line.upper())
        await connection.writer.drain()


HEADERS = {"Connection": "Upgrade", "Upgrade": "shout"}


def test_upgraded_connection(run, client, server, is_native):
    server.answer = shout

    async def go():
        async with client() as http, http.stream("GET", server.url, headers=HEADERS) as answer:
            is_native(answer)
            stream = answer.extensions["network_stream"]
            received = await stream.read(4, timeout=5) + await stream.read(100, timeout=5)
            for line in (b"one\n", b"two\n"):
                await stream.write(line, timeout=5)
                received += await stream.read(100, timeout=5)
            return answer.status_code, received

    assert run(go()) == (101, b"ready\nONE\nTWO\n")
    run(server.accepted[0].closed.wait())


def test_end_of_an_upgraded_connection(run, client, server):
    async def once(request, connection):
        connection.writer.write(b"HTTP/1.1 101 Switching Protocols\r\n\r\nbye")
        await connection.writer.drain()

    server.answer = once

    async def go():
        async with client() as http, http.stream("GET", server.url, headers=HEADERS) as answer:
            stream = answer.extensions["network_stream"]
            received = b""
            while data := await stream.read(2, timeout=5):
                received += data
            return received

    assert run(go()) == b"bye"


def test_timeouts_of_an_upgraded_connection(run, client, package, server):
    server.answer = shout
    core = pytest.importorskip({"httpx": "httpcore", "httpx2": "httpcore2"}[package.__name__])

    async def go():
        async with client() as http, http.stream("GET", server.url, headers=HEADERS) as answer:
            stream = answer.extensions["network_stream"]
            await stream.read(100, timeout=5)
            with pytest.raises(core.ReadTimeout):
                await stream.read(1, timeout=0.01)
            await stream.write(b"x\n")
            return await stream.read(100)

    assert run(go()) == b"X\n"


def test_upgrade_that_nobody_uses_closes_the_connection(run, client, server):
    server.answer = shout

    async def go():
        async with client() as http:
            answer = await http.get(server.url, headers=HEADERS)
            await server.accepted[0].closed.wait()
            return answer.status_code, answer.content

    assert run(go()) == (101, b"")


def test_tls_in_an_upgraded_connection(
    run, client, package, transport, http_proxy, tls_server, certificates
):
    async def go():
        async with transport() as made:
            target = f"localhost:{tls_server.port}".encode()
            request = package.Request(
                "CONNECT", http_proxy.url, extensions={"target": target, "timeout": {}}
            )
            answer = await made.handle_async_request(request)
            stream = answer.extensions["network_stream"]
            tls = await stream.start_tls(certificates.client_context(), "localhost", timeout=5)
            await tls.write(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
            received = b""
            while not received.endswith(b"GET /x\n"):
                received += await tls.read(1000, timeout=5)
            await tls.aclose()
            return answer.status_code, received

    status, received = run(go())
    assert status == 200
    assert received.startswith(b"HTTP/1.1 200 OK")


async def echo_websocket(request, connection):
    """A websocket server that returns each short text frame, and closes as asked."""
    key = request.get("sec-websocket-key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    accept = base64.b64encode(hashlib.sha1(key.encode()).digest())
    connection.writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )
    while True:
        first, size = await connection.reader.readexactly(2)
        mask = await connection.reader.readexactly(4)
        data = await connection.reader.readexactly(size & 127)
        data = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
        connection.writer.write(bytes((first, len(data))) + data)
        if first & 15 == 8:
            await connection.writer.drain()
            return


def test_websocket_of_httpx2(run, client, package, server):
    if package.__name__ != "httpx2":
        return
    pytest.importorskip("wsproto")
    server.answer = echo_websocket

    async def go():
        async with client() as http:
            url = server.url.replace("http", "ws")
            async with http.websocket(url) as session:
                await session.send_text("hello")
                return await session.receive_text()

    assert run(go()) == "hello"
