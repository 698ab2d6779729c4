"""Each failure is the package's own exception, about the request: httpx and httpx2 by each door."""

import asyncio
import socket
import time

import pytest
from network.peers import unused_port

from .servers import Listener, response


@pytest.fixture
def failure(run, client):
    """Makes a request that must fail: ``failure(exception, url, ...)`` returns the exception."""

    def fail(expected, url, *, method="GET", content=None, timeout=5.0, **options):
        async def go():
            async with client(timeout=timeout, **options) as http:
                with pytest.raises(expected) as caught:
                    await http.request(method, url, content=content)
                return caught.value

        error = run(go())
        assert type(error) is expected
        assert str(error.request.url) == url
        return error

    return fail


def test_refused(failure, package):
    error = failure(package.ConnectError, f"http://127.0.0.1:{unused_port()}/")
    assert str(error) == "All connection attempts failed"


def test_local_address_that_is_not_there(failure, package, server):
    url = f"http://127.0.0.1:{server.port}/"
    error = failure(package.ConnectError, url, local_address="192.0.2.1")
    assert str(error) == "All connection attempts failed"


def test_each_address_fails_otherwise(failure, package, monkeypatch):
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, unused_port()))
        for host in ("127.0.0.1", "127.0.0.2")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: found)
    error = failure(package.ConnectError, "http://two.example/")
    assert str(error) == "All connection attempts failed"


def test_unix_socket_that_is_not_there(failure, package, tmp_path):
    path = str(tmp_path / "none")
    error = failure(package.ConnectError, "http://unix.example/", uds=path)
    assert "No such file or directory" in str(error)


def test_unknown_name(failure, package, monkeypatch):
    def fail(*args, **options):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    error = failure(package.ConnectError, "http://no.such.host/")
    assert "Name or service not known" in str(error)


def test_unknown_authority(failure, package, tls_server, certificates):
    tls_server.tls.load_cert_chain(certificates.unknown)
    error = failure(package.ConnectError, f"{tls_server.url}/")
    assert "CERTIFICATE_VERIFY_FAILED" in str(error)


def test_other_name(failure, package, tls_server, certificates):
    tls_server.tls.load_cert_chain(certificates.other_server)
    error = failure(package.ConnectError, f"{tls_server.url}/")
    assert "Hostname mismatch" in str(error)


class Plain(Listener):
    """Answers whatever is sent to it in plain HTTP."""

    async def serve(self, connection):
        await connection.reader.read(1)
        connection.writer.write(response(b"no TLS here", "400 Bad Request"))
        await connection.writer.drain()


def test_tls_to_a_plain_server(failure, package, run):
    plain = Plain()
    run(plain.start())
    try:
        failure(package.ConnectError, f"https://localhost:{plain.port}/")
    finally:
        run(plain.stop())


@pytest.mark.parametrize("url", ["ftp://example.org/", "/relative"])
def test_unsupported_protocol(run, package, transport, url):
    async def go():
        async with transport() as made:
            with pytest.raises(package.UnsupportedProtocol) as caught:
                await made.handle_async_request(package.Request("GET", url))
            return str(caught.value)

    text = run(go())
    assert (
        text
        == {
            "ftp://example.org/": "Request URL has an unsupported protocol 'ftp://'.",
            "/relative": "Request URL is missing an 'http://' or 'https://' protocol.",
        }[url]
    )


async def hang_up(request, connection):
    """No response."""


def test_disconnected_before_the_response(failure, package, server):
    server.answer = hang_up
    error = failure(package.RemoteProtocolError, f"{server.url}/")
    assert str(error) == "Server disconnected without sending a response."


def test_reset_before_the_response(failure, package, server):
    async def reset(request, connection):
        sock = connection.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.writer.transport.abort()
        await asyncio.sleep(0)

    server.answer = reset
    failure(package.ReadError, f"{server.url}/")


@pytest.mark.parametrize(
    "sent, text",
    [
        (b"Content-Length: 10\r\n\r\nabc", "received 3 bytes, expected 10"),
        (b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc", "incomplete chunked read"),
        (b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "incomplete chunked read"),
    ],
)
def test_body_that_ends_early(failure, package, server, sent, text):
    async def answer(request, connection):
        connection.writer.write(b"HTTP/1.1 200 OK\r\n" + sent)
        await connection.writer.drain()
        connection.writer.close()
        await connection.writer.wait_closed()

    server.answer = answer
    error = failure(package.RemoteProtocolError, f"{server.url}/")
    whole = f"peer closed connection without sending complete message body ({text})"
    assert str(error) == whole


@pytest.mark.parametrize(
    "sent",
    [
        b"not HTTP at all\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    ],
    ids=["text", "status", "header", "negative", "lengths", "chunk"],
)
def test_response_that_is_not_http(failure, package, server, sent):
    async def answer(request, connection):
        return sent

    server.answer = answer
    failure(package.RemoteProtocolError, f"{server.url}/")


def test_head_without_end(failure, package, server):
    async def answer(request, connection):
        connection.writer.write(b"HTTP/1.1 200 OK\r\n")
        while not connection.writer.transport.is_closing():
            connection.writer.write(b"X: " + b"y" * 10_000 + b"\r\n")
            await connection.writer.drain()

    server.answer = answer
    failure(package.RemoteProtocolError, f"{server.url}/")


@pytest.mark.parametrize("name, value", [("a\nb", "c"), ("a", "b\r\nc"), ("a", "b\0c"), ("", "a")])
def test_header_that_cannot_be_sent(run, client, package, server, name, value):
    async def go():
        async with client() as http:
            request = http.build_request("GET", server.url)
            request.headers[name] = value
            with pytest.raises(package.LocalProtocolError):
                await http.send(request)
            return await http.get(server.url)

    assert run(go()).status_code == 200
    assert len(server.requests) == 1


class Silent(Listener):
    """Accepts connections and says nothing."""

    async def serve(self, connection):
        await asyncio.Event().wait()


@pytest.fixture
def silent(loop, run):
    listener = Silent()
    run(listener.start())
    yield listener
    run(listener.stop())


def timeouts(package, **limits):
    """Only these time limits."""
    return package.Timeout(**{"connect": None, "read": None, "write": None, "pool": None, **limits})


def test_connect_timeout_of_tls(failure, package, silent):
    started = time.monotonic()
    error = failure(
        package.ConnectTimeout,
        f"https://localhost:{silent.port}/",
        timeout=timeouts(package, connect=0.05),
    )
    assert str(error) == ""
    assert time.monotonic() - started < 5


def test_read_timeout_before_the_response(failure, package, silent):
    url = f"http://localhost:{silent.port}/"
    error = failure(package.ReadTimeout, url, timeout=timeouts(package, read=0.05))
    assert str(error) == ""


def test_read_timeout_within_the_body(failure, package, server):
    async def answer(request, connection):
        connection.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        await asyncio.Event().wait()

    server.answer = answer
    failure(package.ReadTimeout, f"{server.url}/", timeout=timeouts(package, read=0.05))


def test_read_timeout_counts_from_the_last_byte(run, client, package, server):
    async def answer(request, connection):
        connection.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n")
        for _ in range(6):
            await asyncio.sleep(0.1)
            connection.writer.write(b"x")
        return b""

    server.answer = answer

    async def go():
        async with client(timeout=timeouts(package, read=0.4)) as http:
            return await http.get(server.url)

    assert run(go()).content == b"xxxxxx"


@pytest.mark.parametrize("whole", [True, False])
def test_write_timeout(failure, package, silent, whole):
    async def body():
        while True:
            yield bytes(1_000_000)

    silent_url = f"http://localhost:{silent.port}/"
    failure(
        package.WriteTimeout,
        silent_url,
        method="POST",
        content=bytes(50_000_000) if whole else body(),
        timeout=timeouts(package, write=0.05),
    )


def test_pool_timeout(run, client, package, server):
    async def never(request, connection):
        await asyncio.Event().wait()

    server.answer = never

    async def go():
        limits = package.Limits(max_connections=1)
        async with client(limits=limits, timeout=timeouts(package, pool=0.05)) as http:
            task = asyncio.ensure_future(http.get(server.url))
            await server.received.wait()
            with pytest.raises(package.PoolTimeout) as caught:
                await http.get(server.url)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return caught.value

    error = run(go())
    assert str(error) == ""
    assert error.request.method == "GET"


def test_retries(run, client, package, server, monkeypatch):
    real = socket.getaddrinfo
    attempts = []

    def fail_twice(*args, **options):
        attempts.append(args[0])
        if len(attempts) <= 2:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure")
        return real("127.0.0.1", server.port, type=socket.SOCK_STREAM)

    monkeypatch.setattr(socket, "getaddrinfo", fail_twice)

    async def go():
        async with client(retries=2) as http:
            return await http.get(f"http://flaky.example:{server.port}/")

    assert run(go()).status_code == 200
    assert len(attempts) == 3


def test_responses_are_not_retried(failure, package, server):
    server.answer = hang_up
    failure(package.RemoteProtocolError, f"{server.url}/", retries=3)
    assert len(server.requests) == 1


def test_early_response_to_an_upload(run, client, package, server):
    async def answer(request, connection):
        connection.writer.write(
            response(b"too large", "413 Content Too Large", [("Connection", "close")])
        )
        await connection.writer.drain()
        connection.writer.write_eof()
        while await connection.reader.read(65536):
            pass

    server.answer = answer

    async def body():
        for _ in range(50):
            yield bytes(10_000)

    async def go():
        async with client() as http:
            headers = {"X-Unread": "1"}
            return await http.post(server.url, content=body(), headers=headers)

    answer = run(go())
    assert (answer.status_code, answer.content) == (413, b"too large")
