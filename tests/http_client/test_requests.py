"""What reaches the server, and what comes back: httpx and httpx2 by each door."""

import asyncio
import ssl

import pytest

from .servers import Server, response


def test_get(run, client, server, is_native):
    async def go():
        async with client() as http:
            answer = await http.get(f"{server.url}/a%20b?c=d", headers={"X-Case": "Kept"})
            is_native(answer)
            return answer

    answer = run(go())
    assert (answer.status_code, answer.reason_phrase, answer.http_version) == (
        200,
        "OK",
        "HTTP/1.1",
    )
    assert answer.text == "GET /a%20b?c=d\n"
    request = server.requests[0]
    assert (request.method, request.target, request.version) == ("GET", "/a%20b?c=d", "HTTP/1.1")
    assert request.headers[0] == ("Host", f"localhost:{server.port}")
    assert ("X-Case", "Kept") in request.headers
    assert [name for name, _ in request.headers] == [
        "Host",
        "Accept",
        "Accept-Encoding",
        "Connection",
        "User-Agent",
        "X-Case",
    ]


def test_headers_of_the_response(run, client, server):
    async def answer(request, connection):
        return response(
            headers=[("Set-Cookie", "a=b"), ("set-cookie", "c=d"), ("X-Odd", "caf\xe9")]
        )

    server.answer = answer

    async def go():
        async with client() as http:
            return await http.get(server.url), dict(http.cookies)

    got, cookies = run(go())
    assert got.headers.raw == [
        (b"Content-Length", b"0"),
        (b"Set-Cookie", b"a=b"),
        (b"set-cookie", b"c=d"),
        (b"X-Odd", b"caf\xe9"),
    ]
    assert got.headers["x-odd"] == "caf\xe9"
    assert got.headers.get_list("set-cookie") == ["a=b", "c=d"]
    assert cookies == {"a": "b", "c": "d"}


@pytest.mark.parametrize(
    "body, sent",
    [
        ({"content": b"bytes"}, b"bytes"),
        ({"content": b""}, b""),
        ({"json": {"a": 1}}, None),
        ({"data": {"a": "b c"}}, b"a=b+c"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_body_in_memory(run, client, server, method, body, sent):
    async def go():
        async with client() as http:
            return await http.request(method, server.url, **body)

    answer = run(go())
    request = server.requests[0]
    assert answer.content.split(b"\n", 1)[1] == request.body
    assert sent is None or request.body == sent
    assert request.get("transfer-encoding") is None


def test_multipart(run, client, server):
    async def go():
        async with client() as http:
            await http.post(server.url, files={"file": ("name.txt", b"content" * 10_000)})

    run(go())
    assert b"content" * 10_000 in server.requests[0].body
    assert server.requests[0].get("content-length") == str(len(server.requests[0].body))


async def pieces(*parts):
    """The body of a request, in pieces."""
    for part in parts:
        await asyncio.sleep(0)
        yield part


def test_body_in_pieces_is_chunked(run, client, server):
    async def go():
        async with client() as http:
            return await http.post(server.url, content=pieces(b"one ", b"", b"two ", b"three"))

    answer = run(go())
    assert answer.content == b"POST /\none two three"
    assert server.requests[0].get("transfer-encoding") == "chunked"


def test_body_in_pieces_of_known_length(run, client, server):
    async def go():
        async with client() as http:
            headers = {"Content-Length": "6"}
            return await http.post(server.url, content=pieces(b"abc", b"def"), headers=headers)

    assert run(go()).content == b"POST /\nabcdef"
    assert server.requests[0].get("transfer-encoding") is None


@pytest.mark.parametrize("given", [b"abc", b"abcdefgh"])
def test_body_of_another_length_than_said(run, client, package, server, door, given):
    # Of the library, h11's exception escapes.
    expected = Exception if door == "library" else package.LocalProtocolError

    async def go():
        async with client() as http:
            headers = {"Content-Length": "6"}
            with pytest.raises(expected):
                await http.post(server.url, content=pieces(given), headers=headers)
            return await http.get(server.url)

    assert run(go()).status_code == 200


def test_failure_of_the_body_is_the_callers_own(run, client, server):
    async def broken():
        yield b"abc"
        raise FileNotFoundError(2, "no such file")

    async def go():
        async with client(retries=3) as http:
            with pytest.raises(FileNotFoundError):
                await http.post(server.url, content=broken())
            while not server.accepted:
                await asyncio.sleep(0)
            await server.accepted[0].closed.wait()
            return await http.get(server.url)

    assert run(go()).status_code == 200
    assert len(server.accepted) == 2


def test_head_has_no_body(run, client, server):
    async def go():
        async with client() as http:
            answers = [await http.head(server.url) for _ in range(2)]
            return answers

    assert [(each.content, each.headers["content-length"]) for each in run(go())] == [
        (b"", "7")
    ] * 2
    assert len(server.accepted) == 1


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_statuses_without_a_body(run, client, server, status):
    async def answer(request, connection):
        return f"HTTP/1.1 {status}\r\nX: y\r\n\r\n".encode()

    server.answer = answer

    async def go():
        async with client() as http:
            return [await http.get(server.url) for _ in range(2)]

    assert [each.content for each in run(go())] == [b""] * 2
    assert len(server.accepted) == 1


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize("size", [0, 1, 1000, 300_000])
def test_body_of_the_response(run, client, server, framing, size):
    body = bytes(index % 251 for index in range(size))

    async def answer(request, connection):
        if framing == "length":
            return response(body)
        if framing == "close":
            connection.writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + body)
            await connection.writer.drain()
            return None
        chunks = [body[at : at + 7000] for at in range(0, size, 7000)]
        parts = [b"%x;name=value\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks]
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        return head + b"".join(parts) + b"0\r\nX-Trailer: t\r\n\r\n"

    server.answer = answer

    async def closing(request, connection):
        await answer(request, connection)
        connection.writer.close()
        await connection.writer.wait_closed()

    if framing == "close":
        server.answer = closing

    async def go():
        async with client() as http:
            return [await http.get(server.url) for _ in range(2)]

    assert [each.content == body for each in run(go())] == [True, True]
    assert len(server.accepted) == (2 if framing == "close" else 1)


def test_compressed_response(run, client, server):
    import gzip

    async def answer(request, connection):
        return response(gzip.compress(b"text" * 1000), headers=[("Content-Encoding", "gzip")])

    server.answer = answer

    async def go():
        async with client() as http:
            return await http.get(server.url)

    assert run(go()).text == "text" * 1000


def test_informational_responses_are_skipped(run, client, server):
    async def answer(request, connection):
        return b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + response(b"final")

    server.answer = answer

    async def go():
        async with client() as http:
            return await http.get(server.url)

    assert run(go()).content == b"final"


def test_http_1_0(run, client, server):
    async def answer(request, connection):
        connection.writer.write(b"HTTP/1.0 200 Fine\r\n\r\nbody")
        await connection.writer.drain()
        connection.writer.close()
        await connection.writer.wait_closed()

    server.answer = answer

    async def go():
        async with client() as http:
            return await http.get(server.url)

    answer = run(go())
    assert (answer.http_version, answer.reason_phrase, answer.content) == (
        "HTTP/1.0",
        "Fine",
        b"body",
    )


def test_target_extension(run, client, server):
    async def go():
        async with client() as http:
            await http.request("OPTIONS", server.url, extensions={"target": b"*"})

    run(go())
    assert server.requests[0].target == "*"


def test_redirects(run, client, server):
    async def answer(request, connection):
        if request.target == "/first":
            return response(status="302 Found", headers=[("Location", "/second")])
        return response(request.target.encode())

    server.answer = answer

    async def go():
        async with client() as http:
            return await http.get(f"{server.url}/first", follow_redirects=True)

    answer = run(go())
    assert answer.content == b"/second"
    assert [each.status_code for each in answer.history] == [302]


def test_tls(run, client, tls_server, is_native):
    async def go():
        async with client() as http:
            answer = await http.get(f"{tls_server.url}/x")
            is_native(answer)
            tls = answer.extensions["network_stream"].get_extra_info("ssl_object")
            return answer, tls.version()

    answer, version = run(go())
    assert answer.content == b"GET /x\n"
    assert version.startswith("TLSv1")


def test_tls_offers_http_1_1(run, client, tls_server, certificates):
    tls_server.tls.set_alpn_protocols(["h2", "http/1.1"])

    async def go():
        async with client() as http:
            answer = await http.get(tls_server.url)
            tls = answer.extensions["network_stream"].get_extra_info("ssl_object")
            return tls.selected_alpn_protocol()

    assert run(go()) == "http/1.1"


def test_without_verification(run, client, package, tls_server, certificates):
    tls_server.tls.load_cert_chain(certificates.unknown)

    async def go():
        async with client(verify=False) as http:
            return await http.get(tls_server.url)

    assert run(go()).status_code == 200


def test_default_verification_rejects_an_unknown_authority(run, client, package, tls_server):
    async def go():
        async with client(verify=True) as http:
            with pytest.raises(package.ConnectError, match="certificate verify failed"):
                await http.get(tls_server.url)

    run(go())


def test_sni_hostname(run, client, certificates):
    tls = certificates.server_context()
    names = []
    tls.sni_callback = lambda sock, name, context: names.append(name)
    server = Server(tls=tls)
    run(server.start())

    async def go():
        async with client() as http:
            url = f"https://127.0.0.1:{server.port}/"
            return await http.get(url, extensions={"sni_hostname": "localhost"})

    try:
        assert run(go()).status_code == 200
    finally:
        run(server.stop())
    assert names == ["localhost"]


def test_client_certificate(run, client, certificates):
    tls = certificates.server_context()
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_verify_locations(certificates.authority)
    server = Server(tls=tls)
    run(server.start())
    context = certificates.client_context()
    context.load_cert_chain(certificates.client)

    async def go():
        async with client(verify=context) as http:
            return await http.get(server.url)

    try:
        assert run(go()).status_code == 200
    finally:
        run(server.stop())


def test_unix_socket(run, client, tmp_path):
    server = Server()
    run(server.start(path=str(tmp_path / "socket")))

    async def go():
        async with client(uds=str(tmp_path / "socket")) as http:
            return await http.get("http://unix.example/x")

    try:
        assert run(go()).content == b"GET /x\n"
    finally:
        run(server.stop())
    assert server.requests[0].get("host") == "unix.example"


def test_local_address(run, client, server):
    async def go():
        async with client(local_address="127.0.0.2") as http:
            await http.get(f"http://127.0.0.1:{server.port}")

    run(go())
    assert server.requests[0].peer[0] == "127.0.0.2"


def test_socket_options(run, client, server):
    import socket

    async def go():
        option = (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        async with (
            client(socket_options=[option]) as http,
            http.stream("GET", server.url) as answer,
        ):
            sock = answer.extensions["network_stream"].get_extra_info("socket")
            return sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)

    assert run(go()) == 1


def test_addresses_of_the_connection(run, client, server):
    async def go():
        async with client() as http:
            answer = await http.get(f"http://127.0.0.1:{server.port}")
            stream = answer.extensions["network_stream"]
            return stream.get_extra_info("server_addr"), stream.get_extra_info("client_addr")

    there, here = run(go())
    assert tuple(there) == ("127.0.0.1", server.port)
    assert tuple(here) == server.requests[0].peer
