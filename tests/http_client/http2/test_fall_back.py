"""A server of HTTP/2 that answers some requests over HTTP/1.1 only (RFC 9113 section 7)."""

import asyncio
import contextlib
import os

import aioxide
import aioxide.http
import httpx
import pytest
from tls.certificates import Certificates

from .frames import GOAWAY, PREFACE, RST, SETTINGS, frame, head, request_of

pytestmark = pytest.mark.timeout(60)

REQUIRED = (13).to_bytes(4, "big")


@pytest.fixture(autouse=True)
def only_once():
    """The client needs aioxide's loop."""
    if os.environ.get("AIOXIDE_TEST_LOOPS") == "asyncio":
        pytest.skip("aioxide only")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Issued once."""
    return Certificates.issue(tmp_path_factory.mktemp("certificates"))


class Both:
    """Speaks what the client has chosen: HTTP/2 as ``script`` says, or HTTP/1.1.

    Over HTTP/1.1 it answers with the body that it was sent.
    """

    def __init__(self, context, script):
        self.context = context
        self.context.set_alpn_protocols(["h2", "http/1.1"])
        self.script = script
        #: What each connection speaks, in the order in which they came.
        self.spoken = []
        self.tasks = set()

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0, ssl=self.context)
        self.url = f"https://localhost:{self.server.sockets[0].getsockname()[1]}/"
        return self

    async def __aexit__(self, *_):
        self.server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def serve(self, reader, writer):
        self.tasks.add(asyncio.current_task())
        chosen = writer.get_extra_info("ssl_object").selected_alpn_protocol()
        self.spoken.append(chosen)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            if chosen == "h2":
                assert await reader.readexactly(len(PREFACE)) == PREFACE
                writer.write(frame(SETTINGS))
                await self.script(reader, writer)
            else:
                await self.echo(reader, writer)
        writer.transport.abort()

    async def echo(self, reader, writer):
        while head := await reader.readuntil(b"\r\n\r\n"):
            fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
            body = await reader.readexactly(int(fields.get(b"content-length", 0)))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


async def refuse(reader, writer):
    """Reset each stream."""
    while stream := await request_of(reader):
        writer.write(frame(RST, 0, stream, REQUIRED))


def client_of(certificates, **options):
    """A client over our transport."""
    transport = aioxide.http.Transport(
        verify=certificates.client_context(), **{"http2": True, **options}
    )
    return httpx.AsyncClient(transport=transport, timeout=20)


def test_a_request_is_sent_again_and_the_origin_remembered(certificates):
    async def main():
        context = certificates.server_context()
        async with Both(context, refuse) as server, client_of(certificates) as client:
            response = await client.post(server.url, content=b"body")
            assert (response.content, response.http_version) == (b"body", "HTTP/1.1")
            responses = await asyncio.gather(
                *(client.post(server.url, content=b"%d" % number) for number in range(3))
            )
            assert [response.content for response in responses] == [b"0", b"1", b"2"]
            # One attempt of HTTP/2, and never again.
            assert server.spoken[0] == "h2" and set(server.spoken[1:]) == {"http/1.1"}

    aioxide.run(main())


def test_requests_at_the_same_time_fall_back(certificates):
    async def main():
        context = certificates.server_context()
        async with Both(context, refuse) as server, client_of(certificates) as client:
            responses = await asyncio.gather(*(client.get(server.url) for _ in range(10)))
            assert {response.http_version for response in responses} == {"HTTP/1.1"}
            assert server.spoken.count("h2") == 1

    aioxide.run(main())


def test_a_goaway_falls_back(certificates):
    async def leave(reader, writer):
        await request_of(reader)
        writer.write(frame(GOAWAY, 0, 0, bytes(4) + REQUIRED))
        await reader.read()

    async def main():
        context = certificates.server_context()
        async with Both(context, leave) as server, client_of(certificates) as client:
            response = await client.post(server.url, content=b"body")
            assert (response.content, response.http_version) == (b"body", "HTTP/1.1")

    aioxide.run(main())


def test_a_body_that_cannot_be_sent_again_is_an_error(certificates):
    async def pieces():
        yield b"some"

    async def main():
        context = certificates.server_context()
        async with Both(context, refuse) as server, client_of(certificates) as client:
            with pytest.raises(httpx.RemoteProtocolError, match="HTTP_1_1_REQUIRED"):
                await client.post(server.url, content=pieces())
            # The next one knows.
            response = await client.post(
                server.url, content=b"more", headers={"Content-Length": "4"}
            )
            assert (response.content, response.http_version) == (b"more", "HTTP/1.1")

    aioxide.run(main())


def test_a_reset_within_the_body_is_an_error_and_remembered(certificates):
    async def begin(reader, writer):
        stream = await request_of(reader)
        writer.write(head(stream) + frame(RST, 0, stream, REQUIRED))
        await reader.read()

    async def main():
        context = certificates.server_context()
        async with Both(context, begin) as server, client_of(certificates) as client:
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get(server.url)
            assert (await client.get(server.url)).http_version == "HTTP/1.1"

    aioxide.run(main())


def test_a_traced_request_falls_back(certificates):
    async def main():
        told = []

        async def trace(event, info):
            told.append(event)

        context = certificates.server_context()
        async with Both(context, refuse) as server, client_of(certificates) as client:
            response = await client.post(server.url, content=b"body", extensions={"trace": trace})
            assert (response.content, response.http_version) == (b"body", "HTTP/1.1")
        assert told.count("connection.start_tls.complete") == 2

    aioxide.run(main())


def test_without_http_1_it_is_an_error(certificates):
    async def main():
        context = certificates.server_context()
        options = {"http1": False}
        async with Both(context, refuse) as server, client_of(certificates, **options) as client:
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get(server.url)
            assert set(server.spoken) == {"h2"}

    aioxide.run(main())


def test_other_connections_of_the_same_context_offer_http_2(certificates):
    """What is offered belongs to the context, which two clients share here."""

    async def accept(reader, writer):
        while stream := await request_of(reader):
            writer.write(head(stream, flags=5))

    async def main():
        context = certificates.client_context()
        transport = aioxide.http.Transport(verify=context, http2=True)
        client = httpx.AsyncClient(transport=transport, timeout=20)
        async with (
            Both(certificates.server_context(), refuse) as refusing,
            Both(certificates.server_context(), accept) as accepting,
            client,
        ):
            urls = [refusing.url, accepting.url] * 3
            responses = await asyncio.gather(*(client.get(url) for url in urls))
            versions = [response.http_version for response in responses]
            assert versions == ["HTTP/1.1", "HTTP/2"] * 3

    aioxide.run(main())
