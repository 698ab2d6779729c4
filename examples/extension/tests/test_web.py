import asyncio

import pytest
from aioxide_example import Session


async def serve(reader, writer):
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    path = head.split()[1]
    if path == "/silent":
        await reader.read()
    else:
        body = f"this is {path}".encode()
        status = "404 Not Found" if path == "/missing" else "200 OK"
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
    writer.close()
    await writer.wait_closed()


def served(run, use, **options):
    async def main():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        host = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            await use(Session(**options), host)
        finally:
            server.close()
            await server.wait_closed()

    run(main)


def test_one_url(run):
    async def use(session, host):
        assert await session.get(f"{host}/page") == (200, b"this is /page")
        assert await session.get(f"{host}/missing") == (404, b"this is /missing")

    served(run, use)


def test_many_urls_with_one_hop(run):
    async def use(session, host):
        urls = [f"{host}/{number}" for number in range(100)]
        answers = await session.get_all(urls, at_once=10)
        assert answers == [(200, f"this is /{number}".encode()) for number in range(100)]

    served(run, use)


def test_failures(run):
    async def use(session, host):
        with pytest.raises(TimeoutError):
            await session.get(f"{host}/silent")
        with pytest.raises(ConnectionError):
            await session.get("http://127.0.0.1:1/")

    served(run, use, timeout=0.2)


def test_a_cancellation_reaches_the_server(run):
    async def use(session, host):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await session.get(f"{host}/silent")
        # The server sees the end of the connection, so that it can be closed.

    served(run, use)
