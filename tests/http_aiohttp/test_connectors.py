"""What a connector's arguments do, and one limit over native connections and aiohttp's own."""

import asyncio
import socket

import aiohappyeyeballs
import aiohttp
import pytest
from http_aiohttp.scripted import Pause, ScriptedServer, body_of, json_response
from http_aiohttp.sides import run

JSON = json_response(b"[1]")


async def load(Session, connector, count, answers=(JSON,), **options):
    """Send requests at once; return the server and what they got."""
    server = await ScriptedServer(answers).start()

    async def one(session):
        async with session.get(server.url, **options) as response:
            return await response.json()

    async with Session(connector=connector()) as session:
        found = await asyncio.gather(*(one(session) for _ in range(count)), return_exceptions=True)
    await server.close()
    return server, found


@pytest.mark.parametrize("limit", [1, 3, 0])
def test_limit(Session, limit):
    server, found = run(load(Session, lambda: aiohttp.TCPConnector(limit=limit), 8))
    assert found == [[1]] * 8
    assert server.most == (limit or 8)


def test_limit_per_host(Session):
    server, found = run(load(Session, lambda: aiohttp.TCPConnector(limit_per_host=2), 6))
    assert found == [[1]] * 6
    assert server.most == 2


def test_force_close(Session):
    server, found = run(load(Session, lambda: aiohttp.TCPConnector(force_close=True), 3))
    assert server.connections == 3
    assert b"Connection: close" in server.requests[0]


@pytest.mark.parametrize("keepalive", [0.01, None])
def test_keepalive_timeout(Session, keepalive):
    async def main():
        server = await ScriptedServer([JSON]).start()
        connector = aiohttp.TCPConnector(keepalive_timeout=keepalive)
        async with Session(connector=connector) as session:
            for _ in range(2):
                async with session.get(server.url) as response:
                    await response.read()
                await asyncio.sleep(0.05)
        await server.close()
        return server.connections

    assert run(main()) == (2 if keepalive else 1)


def test_one_limit_for_both_kinds_of_connection(Session):
    """A web socket, which is aiohttp's own, takes the one place there is."""
    from aiohttp import web

    async def echo(request):
        if request.headers.get("Upgrade") != "websocket":
            return web.json_response([1])
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data)
        return socket

    async def main():
        app = web.Application()
        app.router.add_get("/", echo)
        runner = web.AppRunner(app)
        await runner.setup()
        await (site := web.TCPSite(runner, "127.0.0.1", 0)).start()
        url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/"
        seen = []
        async with Session(connector=aiohttp.TCPConnector(limit=1)) as session:
            async with session.get(url) as response:
                await response.read()
            async with session.ws_connect(url) as socket:
                await socket.send_str("x")
                await socket.receive_str()
                waiting = asyncio.ensure_future(session.get(url))
                for _ in range(20):
                    await asyncio.sleep(0)
                seen.append(waiting.done())
            async with await waiting as response:
                socket = asyncio.ensure_future(session.ws_connect(url)._coro)
                for _ in range(20):
                    await asyncio.sleep(0)
                # This response has arrived as a whole, and so holds no connection.
                seen.append(await response.json())
            await (await socket).close()
        await runner.cleanup()
        return seen

    assert run(main()) == [False, [1]]


def test_native_requests_keep_aiohttps_own_waiting(Session):
    """The same the other way round: a response that is not read takes the one place."""

    async def passes(request, handler):
        return await handler(request)

    async def main():
        first = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"
        server = await ScriptedServer([[first, Pause, b"cde"], JSON]).start()
        async with Session(connector=aiohttp.TCPConnector(limit=1)) as session:
            response = await session.get(server.url)
            own = asyncio.ensure_future(session.get(server.url, middlewares=[passes])._coro)
            for _ in range(30):
                await asyncio.sleep(0)
            waited = not own.done()
            server.go_on.set()
            assert await response.read() == b"abcde"
            async with await own as second:
                assert await second.json() == [1]
        await server.close()
        return waited, server.most

    waited, most = run(main())
    assert waited


def test_a_full_pool_is_first_come_first_served(Session):
    async def main():
        server = await ScriptedServer([JSON]).start()
        order = []

        async def one(session, number):
            async with session.get(server.url) as response:
                await response.read()
                order.append(number)

        async with Session(connector=aiohttp.TCPConnector(limit=1)) as session:
            await asyncio.gather(*(one(session, number) for number in range(10)))
        await server.close()
        return order

    assert run(main()) == list(range(10))


def test_a_connector_of_two_sessions(Session):
    async def main():
        server = await ScriptedServer([JSON]).start()
        connector = aiohttp.TCPConnector()
        for _ in range(2):
            async with Session(connector=connector, connector_owner=False) as session:
                async with session.get(server.url) as response:
                    await response.read()
            assert not connector.closed
        await connector.close()
        await server.close()
        return server.connections

    assert run(main()) == 1


def test_closing_the_connector_closes_the_connections(Session):
    async def main():
        ended = asyncio.Event()

        async def serve(reader, writer):
            head = await reader.readuntil(b"\r\n\r\n")
            await body_of(head, reader)
            writer.write(JSON)
            assert await reader.read() == b""
            writer.close()
            ended.set()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        session = Session()
        port = server.sockets[0].getsockname()[1]
        async with session.get(f"http://127.0.0.1:{port}") as response:
            await response.read()
        await session.close()
        await ended.wait()
        with pytest.raises(RuntimeError, match="Session is closed"):
            await session.get("http://127.0.0.1:1")
        server.close()

    run(main())


def test_closing_the_session_ends_requests(Session):
    async def main():
        server = await ScriptedServer([[Pause]]).start()
        session = Session()
        task = asyncio.ensure_future(session.get(server.url)._coro)
        while not server.requests:
            await asyncio.sleep(0)
        await session.close()
        with pytest.raises(aiohttp.ClientConnectionError):
            await task
        await server.close()

    run(main())


def test_unix_sockets(Session, tmp_path):
    async def main():
        server = await ScriptedServer([JSON]).start_unix(str(tmp_path / "socket"))
        connector = aiohttp.UnixConnector(str(tmp_path / "socket"))
        async with Session(connector=connector) as session:
            for _ in range(2):
                async with session.get("http://some.host/path") as response:
                    assert await response.json() == [1]
        await server.close()
        return server

    server = run(main())
    assert server.connections == 1
    assert server.requests[0].startswith(b"GET /path HTTP/1.1\r\nHost: some.host\r\n")


def test_no_unix_socket(Session, tmp_path):
    async def main():
        async with Session(connector=aiohttp.UnixConnector(str(tmp_path / "none"))) as session:
            await session.get("http://some.host/")

    with pytest.raises(aiohttp.ClientConnectorError, match=r"none ssl:default \[No such file"):
        run(main())


def test_local_address(Session):
    async def main():
        peers = []

        async def serve(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            peers.append(writer.get_extra_info("peername")[0])
            writer.write(JSON)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        connector = aiohttp.TCPConnector(local_addr=("127.0.0.2", 0))
        async with Session(connector=connector) as session:
            async with session.get(f"http://127.0.0.1:{port}") as response:
                await response.read()
        server.close()
        return peers

    assert run(main()) == ["127.0.0.2"]


def test_connecting_takes_too_long(Session, monkeypatch):
    async def never(*args, **kwargs):
        await asyncio.sleep(3600)

    monkeypatch.setattr("aiohappyeyeballs.start_connection", never)

    async def main():
        async with Session() as session:
            timeout = aiohttp.ClientTimeout(sock_connect=0.05)
            await session.get("http://127.0.0.1:1/", timeout=timeout)

    with pytest.raises(aiohttp.ConnectionTimeoutError, match="^Connection timeout to host http"):
        run(main())


def test_netrc(Session, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password pw\n")
    monkeypatch.setenv("NETRC", str(netrc))

    async def main():
        server = await ScriptedServer([JSON]).start()
        async with Session(trust_env=True) as session:
            async with session.get(server.url) as response:
                await response.read()
        await server.close()
        return server.requests

    assert b"\r\nAuthorization: Basic bWU6cHc=\r\n" in run(main())[0]


def test_base_url(Session):
    async def main():
        server = await ScriptedServer([JSON]).start()
        async with Session(server.url + "/base/") as session:
            for path in ("a?x=1", "/b", "a?x=1"):
                async with session.get(path) as response:
                    await response.read()
        await server.close()
        return [request.split(b" ")[1] for request in server.requests]

    assert run(main()) == [b"/base/a?x=1", b"/b", b"/base/a?x=1"]


@pytest.mark.parametrize(
    "name",
    ["_create_direct_connection", "_wrap_create_connection", "_resolve_host", "_get_ssl_context"],
)
def test_a_replaced_function_of_the_connector_connects(Session, monkeypatch, name):
    calls = []
    own = getattr(aiohttp.TCPConnector, name)

    def watched(*args, **options):
        calls.append(name)
        return own(*args, **options)

    monkeypatch.setattr(aiohttp.TCPConnector, name, watched)
    assert run(load(Session, aiohttp.TCPConnector, 1))[1] == [[1]]
    assert calls == [name]


def test_a_replaced_start_of_connections_connects(Session, monkeypatch):
    calls = []
    own = aiohappyeyeballs.start_connection

    async def watched(*args, **options):
        calls.append(options)
        return await own(*args, **options)

    monkeypatch.setattr(aiohappyeyeballs, "start_connection", watched)
    assert run(load(Session, aiohttp.TCPConnector, 1))[1] == [[1]]
    assert len(calls) == 1


def test_a_replaced_socket_class_is_used(Session, monkeypatch):
    class Refused(socket.socket):
        def __new__(cls, *args, **options):
            raise RuntimeError("no network in tests")

    async def main():
        server = await ScriptedServer([JSON]).start()
        async with Session() as session:
            with monkeypatch.context() as patch:
                patch.setattr(socket, "socket", Refused)
                with pytest.raises(RuntimeError, match="no network"):
                    await session.get(server.url)
            async with session.get(server.url) as response:
                await response.read()
        await server.close()

    run(main())


def test_socket_factory_and_local_address(Session):
    made = []

    def factory(info):
        made.append(info)
        return socket.socket(*info[:3])

    connectors = (
        lambda: aiohttp.TCPConnector(socket_factory=factory),
        lambda: aiohttp.TCPConnector(local_addr=("127.0.0.1", 0)),
        lambda: aiohttp.TCPConnector(family=socket.AF_INET),
    )
    assert [run(load(Session, connector, 1))[1] for connector in connectors] == [[[1]]] * 3
    assert len(made) == 1


@pytest.mark.parametrize("host", ["127.1", "2130706433", "127.0.0.01", "127.0.0.1."])
def test_addresses_in_old_forms(Session, host):
    async def main(session_class):
        server = await ScriptedServer([JSON]).start()
        try:
            async with session_class() as session:
                async with session.get(f"http://{host}:{server.port}/") as response:
                    return await response.json()
        except Exception as error:
            return type(error), str(error).replace(str(server.port), "PORT")
        finally:
            await server.close()

    assert run(main(Session)) == run(main(aiohttp.ClientSession))


def test_nobody_listens(Session):
    async def main():
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            port = sock.getsockname()[1]
            async with Session() as session:
                with pytest.raises(aiohttp.ClientConnectorError) as caught:
                    await session.get(f"http://127.0.0.1:{port}/")
        error = caught.value
        assert (error.host, error.port, error.ssl) == ("127.0.0.1", port, True)
        assert isinstance(error.os_error, ConnectionRefusedError)
        assert error.__cause__ is error.os_error
        return str(error).replace(str(port), "PORT")

    text = "Cannot connect to host 127.0.0.1:PORT ssl:default [Connect call failed"
    assert run(main()).startswith(text)
