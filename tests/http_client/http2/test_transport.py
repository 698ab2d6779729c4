"""HTTP/2 by ``Transport``, compared with httpx's own transport where the two should agree."""

import asyncio
import os

import aioxide
import aioxide.http
import h2.settings
import httpx
import pytest
from tls.certificates import Certificates

from .servers import Http2Server

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(autouse=True)
def only_once():
    """The client needs aioxide's loop."""
    if os.environ.get("AIOXIDE_TEST_LOOPS") == "asyncio":
        pytest.skip("aioxide only")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Issued once."""
    return Certificates.issue(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(params=["httpx", "aioxide", "in place"])
def client(request, certificates):
    """Makes a client over httpx's transport, over ours, and over httpx's accelerated in place."""
    kinds = {"aioxide": aioxide.http.Transport}
    if request.param == "in place":
        aioxide.install(http=True)
        request.addfinalizer(aioxide.uninstall)

    def make(timeout=20.0, **options):
        kind = kinds.get(request.param, httpx.AsyncHTTPTransport)
        transport = kind(verify=certificates.client_context(), http2=True, **options)
        return httpx.AsyncClient(transport=transport, timeout=timeout, trust_env=False)

    make.is_ours = request.param != "httpx"
    return make


async def echo(stream):
    """Answers with the body of the request."""
    await stream.ended.wait()
    await stream.respond(body=bytes(stream.body), headers=[("x-path", stream.headers[":path"])])


def test_a_request_and_its_response(client, certificates):
    async def main():
        async with Http2Server(certificates.server_context(), echo) as server, client() as it:
            response = await it.post(server.url + "/a?b", content=b"body", headers={"X-Up": "1"})
            assert (response.status_code, response.content) == (200, b"body")
            assert (response.http_version, response.reason_phrase) == ("HTTP/2", "OK")
            assert response.headers["x-path"] == "/a?b"
            [stream] = server.streams
            assert stream.headers[":authority"] == f"localhost:{server.port}"
            assert (stream.headers[":scheme"], stream.headers["x-up"]) == ("https", "1")
            assert not {"host", "connection", "transfer-encoding"} & set(stream.headers)

    aioxide.run(main())


def test_concurrent_requests_share_one_connection(client, certificates):
    async def main():
        all_are_there = asyncio.Event()

        async def answer(stream):
            if len(server.streams) == 20 or not client.is_ours:
                all_are_there.set()  # httpx sends the others when the first are answered
            await all_are_there.wait()
            await echo(stream)

        async with Http2Server(certificates.server_context(), answer) as server, client() as it:
            requests = [it.post(server.url, content=b"%d" % number) for number in range(20)]
            responses = await asyncio.gather(*requests)
            assert [int(response.content) for response in responses] == [*range(20)]
            assert len(server.connections) == 1

    aioxide.run(main())


def test_requests_beyond_the_limit_wait(client, certificates):
    async def main():
        most = now = 0

        async def answer(stream):
            nonlocal most, now
            now += 1
            most = max(most, now)
            await asyncio.sleep(0.01)
            now -= 1
            await echo(stream)

        settings = {h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 3}
        context = certificates.server_context()
        async with Http2Server(context, answer, settings) as server, client() as it:
            await asyncio.gather(*[it.get(server.url) for _ in range(12)])
            assert (len(server.connections), most) == (1, 3)

    aioxide.run(main())


def test_both_directions_stream(client, certificates):
    async def main():
        async def body():
            for _ in range(40):
                yield bytes(50_000)

        async with Http2Server(certificates.server_context(), echo) as server, client() as it:
            async with it.stream("POST", server.url, content=body()) as response:
                size = 0
                async for piece in response.aiter_raw():
                    size += len(piece)
            assert size == 2_000_000
            assert (await it.get(server.url)).content == b""
            assert len(server.connections) == 1

    aioxide.run(main())


def test_a_stream_that_is_reset(client, certificates):
    async def main():
        async def answer(stream):
            if stream.headers[":path"] == "/head":
                stream.connection.h2.reset_stream(stream.number, 2)
            elif stream.headers[":path"] == "/body":
                stream.start()
                await stream.send(b"some")
                stream.connection.h2.reset_stream(stream.number, 2)
            else:
                await echo(stream)
            stream.connection.flush()

        async with Http2Server(certificates.server_context(), answer) as server, client() as it:
            for path in ("/head", "/body"):
                with pytest.raises(httpx.RemoteProtocolError):
                    await it.get(server.url + path)
            assert (await it.get(server.url)).status_code == 200
            assert len(server.connections) == 1

    aioxide.run(main())


def test_goaway_moves_requests_to_a_new_connection(client, certificates):
    async def main():
        async def answer(stream):
            if len(server.connections) == 1 and stream.number == 3:
                # The second request was not seen.
                stream.connection.h2.close_connection(last_stream_id=1)
                stream.connection.flush()
            else:
                await echo(stream)

        async with Http2Server(certificates.server_context(), answer) as server, client() as it:
            await it.post(server.url, content=b"first")
            response = await it.post(server.url, content=b"second")
            assert (response.content, len(server.connections)) == (b"second", 2)

    aioxide.run(main())


def test_a_server_that_does_not_answer(client, certificates):
    async def main():
        async def answer(stream):
            if stream.headers[":path"] == "/later":
                await echo(stream)

        async with Http2Server(certificates.server_context(), answer) as server, client() as it:
            with pytest.raises(httpx.ReadTimeout):
                await it.get(server.url, timeout=httpx.Timeout(20, read=0.1))
            assert (await it.get(server.url + "/later")).status_code == 200

    aioxide.run(main())


def test_cancellation_resets_the_stream_only(client, certificates):
    async def main():
        async def answer(stream):
            if stream.headers[":path"] == "/later":
                await echo(stream)

        async with Http2Server(certificates.server_context(), answer) as server, client() as it:
            await it.get(server.url + "/later")
            task = asyncio.create_task(it.get(server.url))
            while len(server.streams) < 2:
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            if client.is_ours:  # httpx says nothing to the server
                assert await server.streams[1].reset == 8
            assert (await it.get(server.url + "/later")).status_code == 200
            assert len(server.connections) == 1

    aioxide.run(main())


def test_a_server_that_takes_nothing(certificates):
    async def main():
        async def answer(stream):
            await stream.ended.wait()

        context = certificates.server_context()
        transport = aioxide.http.Transport(verify=certificates.client_context(), http2=True)
        async with (
            Http2Server(context, answer, takes=False) as server,
            httpx.AsyncClient(transport=transport, timeout=httpx.Timeout(20, write=0.2)) as client,
        ):
            with pytest.raises(httpx.WriteTimeout):
                await client.post(server.url, content=bytes(1_000_000))

    aioxide.run(main())


def test_trailers_and_no_leftovers(certificates):
    async def main():
        async def answer(stream):
            await stream.respond(body=b"x", trailers=[("x-sum", "1")])

        transport = aioxide.http.Transport(verify=certificates.client_context(), http2=True)
        async with Http2Server(certificates.server_context(), answer) as server:
            async with httpx.AsyncClient(transport=transport) as client:
                assert (await client.get(server.url)).content == b"x"
                # The connection is no task of the program.
                names = {task.get_coro().__qualname__ for task in asyncio.all_tasks()}
                assert not any("http2" in name for name in names)
            while not server.connections[0].reader.at_eof():
                await asyncio.sleep(0)

    aioxide.run(main())


def test_a_server_of_http_1_is_spoken_to_in_http_1(client, certificates):
    async def main():
        async def serve(reader, writer):
            while await reader.readline():
                while await reader.readline() != b"\r\n":
                    pass
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            writer.close()

        context = certificates.server_context()
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        url = f"https://localhost:{server.sockets[0].getsockname()[1]}"
        async with client() as it:
            responses = await asyncio.gather(*[it.get(url) for _ in range(3)])
            assert {response.http_version for response in responses} == {"HTTP/1.1"}
        server.close()

    aioxide.run(main())
