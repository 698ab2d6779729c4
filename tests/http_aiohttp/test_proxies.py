"""Requests through proxies: absolute URLs, tunnels, and the environment."""

import asyncio

import aiohttp
import pytest
from http_aiohttp.scripted import ScriptedServer, json_response, response
from http_aiohttp.sides import run

JSON = json_response(b"[1]")


class Proxy:
    """An HTTP proxy: answers absolute URLs itself, and connects for CONNECT."""

    def __init__(self, refuses=False):
        self.heads = []
        self.refuses = refuses
        self.tasks = set()

    async def start(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        return self

    async def serve(self, reader, writer):
        self.tasks.add(asyncio.current_task())
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                if self.refuses:
                    writer.write(response(b"", status=b"407 Who"))
                elif not head.startswith(b"CONNECT"):
                    writer.write(JSON)
                else:
                    host, port = head.split(b" ")[1].split(b":")
                    there, back = await asyncio.open_connection(host.decode(), int(port))
                    writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
                    await asyncio.gather(copy(reader, back), copy(there, writer))
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def close(self):
        self.server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
    finally:
        writer.close()


def test_proxy(Session):
    async def main():
        proxy = await Proxy().start()
        async with Session() as session:
            for _ in range(2):
                async with session.get("http://some.where/path?q=1", proxy=proxy.url) as response:
                    assert await response.json() == [1]
            async with session.get(
                "http://some.where/", proxy=proxy.url.replace("//", "//me:pw@")
            ) as response:
                assert await response.json() == [1]
        async with Session(proxy=proxy.url) as session:
            async with session.get("http://else.where/", proxy_headers={"X-P": "1"}) as response:
                assert await response.json() == [1]
        await proxy.close()
        return proxy.heads

    heads = run(main())
    assert heads[0].startswith(b"GET http://some.where/path?q=1 HTTP/1.1\r\nHost: some.where\r\n")
    assert heads[0] == heads[1]
    assert b"Proxy-Authorization: Basic " in heads[2] or b"Authorization" not in heads[2]
    assert heads[3].startswith(b"GET http://else.where/ HTTP/1.1\r\n")


def test_proxy_of_the_environment(Session, monkeypatch):
    async def main():
        proxy = await Proxy().start()
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "not.here")
        async with Session(trust_env=True) as session:
            async with session.get("http://some.where/") as response:
                assert await response.json() == [1]
        await proxy.close()
        return proxy.heads

    assert run(main())[0].startswith(b"GET http://some.where/ HTTP/1.1\r\n")


def test_tunnel(Session, certificates):
    async def main():
        proxy = await Proxy().start()
        server = await ScriptedServer([JSON]).start(ssl=certificates.server_context())
        trusted = certificates.client_context()
        async with Session() as session:
            for _ in range(2):
                async with session.get(server.url, proxy=proxy.url, ssl=trusted) as response:
                    assert await response.json() == [1]
        await server.close()
        await proxy.close()
        return proxy.heads, server

    heads, server = run(main())
    assert len(heads) == 1
    assert heads[0].startswith(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n" % server.port)
    assert server.connections == 1
    assert server.requests[0].startswith(b"GET / HTTP/1.1\r\n")


def test_tunnel_that_is_refused(Session):
    async def main():
        proxy = await Proxy(refuses=True).start()
        try:
            async with Session() as session:
                await session.get("https://some.where/", proxy=proxy.url)
        finally:
            await proxy.close()

    with pytest.raises(aiohttp.ClientHttpProxyError) as caught:
        run(main())
    assert caught.value.status == 407
    assert caught.value.message == "Who"


def test_no_proxy_there(Session):
    async def main():
        async with Session() as session:
            await session.get("http://some.where/", proxy="http://127.0.0.1:1")

    with pytest.raises(aiohttp.ClientProxyConnectionError, match="127.0.0.1:1 ssl:default"):
        run(main())
