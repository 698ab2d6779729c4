"""What a connector's arguments do, and one limit over native connections and aiohttp's own."""

import asyncio
import hashlib
import ssl

import aiohttp
import pytest
from http_aiohttp.scripted import Pause, ScriptedServer, body_of, json_response, response
from http_aiohttp.sides import run
from tls.certificates import Certificates

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


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates.issue(tmp_path_factory.mktemp("certificates"))


def server_context(path):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    return context


def client_context(certificates):
    return ssl.create_default_context(cafile=certificates.authority)


def test_tls(Session, certificates):
    async def main():
        context = server_context(certificates.server)
        server = await ScriptedServer([JSON]).start(ssl=context)
        trusted = client_context(certificates)
        async with Session(connector=aiohttp.TCPConnector(ssl=trusted)) as session:
            for _ in range(3):
                async with session.get(server.url) as response:
                    assert await response.json() == [1]
        async with Session() as session:
            async with session.get(server.url, ssl=trusted) as response:
                assert await response.json() == [1]
            async with session.get(server.url, ssl=False) as response:
                assert await response.json() == [1]
        await server.close()
        return server.connections

    assert run(main()) == 3


@pytest.mark.parametrize("name", ["expired", "unknown", "other_server"])
def test_tls_that_is_not_trusted(Session, certificates, name):
    async def main():
        context = server_context(getattr(certificates, name))
        server = await ScriptedServer([JSON]).start(ssl=context)
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        try:
            async with Session() as session:
                await session.get(server.url, ssl=client_context(certificates))
        finally:
            await server.close()

    with pytest.raises(aiohttp.ClientConnectorCertificateError) as caught:
        run(main())
    assert caught.value.host == "127.0.0.1"
    assert isinstance(caught.value.certificate_error, ssl.SSLCertVerificationError)


def test_tls_with_a_fingerprint(Session, certificates):
    der = ssl.PEM_cert_to_DER_cert(
        certificates.server.read_text()
        .split("-----END CERTIFICATE-----")[0]
        .split("KEY-----\n")[-1]
        + "-----END CERTIFICATE-----\n"
    )

    right = aiohttp.Fingerprint(hashlib.sha256(der).digest())
    wrong = aiohttp.Fingerprint(bytes(32))

    async def main():
        server = await ScriptedServer([JSON]).start(ssl=server_context(certificates.server))
        async with Session() as session:
            async with session.get(server.url, ssl=right) as response:
                assert await response.json() == [1]
            with pytest.raises(aiohttp.ServerFingerprintMismatch):
                await session.get(server.url, ssl=wrong)
        await server.close()

    run(main())


def test_tls_to_a_server_without(Session):
    async def main():
        async def serve(reader, writer):
            writer.write(response(b"", status=b"400 Bad Request"))
            await reader.read(1)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        try:
            async with Session() as session:
                await session.get(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        finally:
            server.close()
            await server.wait_closed()

    with pytest.raises(aiohttp.ClientConnectorSSLError):
        run(main())


def test_server_hostname(Session, certificates):
    async def main():
        context = server_context(certificates.other_server)
        server = await ScriptedServer([JSON]).start(ssl=context)
        async with Session() as session:
            async with session.get(
                server.url, ssl=client_context(certificates), server_hostname="other.example"
            ) as response:
                assert await response.json() == [1]
        await server.close()

    run(main())


def test_tls_transport_of_a_response(Session, certificates):
    async def main():
        first = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"
        server = await ScriptedServer([[first, Pause, b"cde"]]).start(
            ssl=server_context(certificates.server)
        )
        async with Session() as session:
            async with session.get(server.url, ssl=client_context(certificates)) as response:
                transport = response.connection.transport
                cipher = transport.get_extra_info("cipher")
                peer = transport.get_extra_info("peername")
                server.go_on.set()
                await response.read()
                assert response.connection is None
        await server.close()
        return cipher, peer[0]

    cipher, peer = run(main())
    assert cipher
    assert peer == "127.0.0.1"


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
        server = await ScriptedServer([JSON]).start(ssl=server_context(certificates.server))
        trusted = client_context(certificates)
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
