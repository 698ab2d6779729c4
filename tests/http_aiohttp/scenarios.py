"""Programs that are run on aiohttp as it is and natively, each with the answers that it gets."""

import asyncio

import aiohttp
from http_aiohttp.scripted import (
    Close,
    Pause,
    Reset,
    Silence,
    chunked,
    json_response,
    redirect,
    response,
)

SCENARIOS = {}


class Scenario:
    """A program, the server's answers, and the session's options."""

    def __init__(self, program, answers, options, differs):
        self.program = program
        self.answers = answers
        self.options = options
        #: What of the outcome is not the same, for the reason that stands beside it.
        self.differs = differs


def scenario(*answers, options=dict, differs=()):
    """Register a program: ``async def name(session, server)``."""

    def register(program):
        assert program.__name__ not in SCENARIOS
        SCENARIOS[program.__name__] = Scenario(program, answers, options, differs)
        return program

    return register


JSON = json_response(b'{"answer": [42, "\\u00e9"]}')
TEXT = response(b"hello", headers=[("Content-Type", "text/plain; charset=utf-8")])
LATIN = response(b'"h\xe9"', headers=[("Content-Type", "application/json; charset=latin-1")])
COOKIES = response(headers=[("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2; Path=/x")])


async def seen(response):
    """Everything of a response that can be compared."""
    return [
        response.status,
        response.reason,
        tuple(response.version),
        list(response.headers.items()),
        list(response.raw_headers),
        str(response.url),
        str(response.real_url),
        response.method,
        response.ok,
        response.host,
        response.content_type,
        response.charset,
        response.content_length,
        repr(response.content_disposition),
        sorted((name, morsel.OutputString()) for name, morsel in response.cookies.items()),
        [[one.status, str(one.url)] for one in response.history],
        list(response.request_info.headers.items()),
        response.request_info.method,
        str(response.request_info.url),
        str(response.request_info.real_url),
        repr(response),
        await response.read(),
        response.closed,
        response.connection is None,
    ]


# The plain way.


@scenario(JSON)
async def get_json(session, server):
    async with session.get(server.url + "/a/b?x=1&y=%20z#part") as response:
        return await response.json(), await seen(response)


@scenario(TEXT)
async def get_text(session, server):
    async with session.get(server.url) as response:
        return await response.text(), await seen(response)


@scenario(TEXT)
async def awaited_without_with(session, server):
    response = await session.get(server.url)
    body = await response.read()
    before = response.closed
    response.release()
    return body, before, response.closed


@scenario(JSON)
async def connections_are_reused(session, server):
    for _ in range(5):
        async with session.get(server.url) as response:
            await response.json()


@scenario(response())
async def head(session, server):
    async with session.head(server.url) as response:
        return await seen(response)


@scenario(response(headers=[("Content-Type", "text/html")], length=False, status=b"204 No Content"))
async def no_content(session, server):
    async with session.delete(server.url) as response:
        return await seen(response)


@scenario(response(status=b"304 Not Modified", length=False))
async def not_modified(session, server):
    async with session.get(server.url) as response:
        return await seen(response)


@scenario(response(b"", status=b"200"))
async def no_reason(session, server):
    async with session.get(server.url) as response:
        return response.reason, await response.read()


@scenario(TEXT)
async def methods(session, server):
    for method in ("get", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "PURGE"):
        async with session.request(method, server.url + "/x"):
            pass


@scenario(TEXT)
async def params(session, server):
    for given in ({"a": "1", "b": "x y"}, [("a", 1), ("a", 2)], "q=1", {"a": [1, 2]}, {}):
        async with session.get(server.url + "/p?z=0#f", params=given) as response:
            await response.read()
    return str(response.url), str(response.real_url)


@scenario(TEXT)
async def headers_of_a_request(session, server):
    for given in (
        {"X-One": "1"},
        {"user-agent": "me", "ACCEPT": "x/y"},
        {"Host": "other.example"},
        [("X", "1"), ("X", "2")],
        {"X-Text": "h\u00e9llo"},
        {"Content-Type": "a/b"},
        {"Cookie": "a=b"},
        {"Connection": "keep-alive"},
    ):
        async with session.get(server.url, headers=given) as response:
            await response.read()
    async with session.post(server.url, headers={"Content-Type": "a/b"}, data=b"x") as response:
        return list(response.request_info.headers.items())


@scenario(TEXT, options=lambda: {"headers": {"X-Session": "s", "User-Agent": "ua"}})
async def headers_of_the_session(session, server):
    async with session.get(server.url) as response:
        await response.read()
    async with session.get(server.url, headers={"X-Session": "own"}) as response:
        await response.read()
    session.headers["X-Later"] = "l"
    async with session.post(server.url, json=[1]) as response:
        await response.read()
    session.headers["Content-Type"] = "c/t"
    async with session.post(server.url, json=[1]) as response:
        await response.read()


@scenario(TEXT, options=lambda: {"skip_auto_headers": ["User-Agent"]})
async def skipped_headers(session, server):
    async with session.get(server.url, skip_auto_headers=["accept"]) as response:
        await response.read()
    async with session.post(server.url, data=b"x", skip_auto_headers=["Content-Type"]) as response:
        await response.read()


# aiohttp connects before it looks at the headers.
@scenario(TEXT, differs=("connections",))
async def forbidden_header(session, server):
    await session.get(server.url, headers={"X": "a\r\nb: c"})


# aiohttp connects before it looks at the headers.
@scenario(TEXT, differs=("connections",))
async def header_of_a_wrong_type(session, server):
    await session.get(server.url, headers={"X": 1})


@scenario(TEXT)
async def wrong_method(session, server):
    await session.request("G ET", server.url)


# Bodies of requests.


@scenario(TEXT)
async def bodies(session, server):
    for data in (b"bytes", bytearray(b"array"), memoryview(b"view"), "t\u00e9xt", b"", "", {}):
        async with session.post(server.url, data=data) as response:
            await response.read()


@scenario(TEXT)
async def forms(session, server):
    for data in ({"a": "1", "b": "\u00e9"}, [("a", "1"), ("a", "2")]):
        async with session.post(server.url, data=data) as response:
            await response.read()


@scenario(TEXT)
async def json_bodies(session, server):
    for data in ({"a": 1}, [], "text", 0, False):
        async with session.put(server.url, json=data) as response:
            await response.read()


@scenario(TEXT)
async def json_and_data(session, server):
    await session.post(server.url, json=1, data=b"x")


@scenario(TEXT)
async def json_that_is_none(session, server):
    await session.post(server.url, json={1, 2})


@scenario(TEXT, options=lambda: {"json_serialize": lambda value: "own"})
async def own_serializer(session, server):
    async with session.post(server.url, json=[1]) as response:
        await response.read()


async def pieces():
    for piece in (b"one", b"", b"three"):
        yield piece


@scenario(TEXT)
async def generated_body(session, server):
    async with session.post(server.url, data=pieces()) as response:
        return await response.read()


@scenario(TEXT)
async def generated_body_with_length(session, server):
    async with session.post(server.url, data=pieces(), headers={"Content-Length": "8"}) as response:
        return await response.read()


@scenario(TEXT)
async def chunked_body(session, server):
    async with session.post(server.url, data=b"whole", chunked=True) as response:
        return await response.read()


@scenario(TEXT)
async def compressed_body(session, server):
    async with session.post(server.url, data=b"x" * 1000, compress="gzip") as response:
        await response.read()
    async with session.post(server.url, data=b"x" * 1000, compress=True) as response:
        return response.request_info.headers["Content-Encoding"]


@scenario(TEXT)
async def failing_body(session, server):
    async def fails():
        yield b"one"
        raise ValueError("no more")

    await session.post(server.url, data=fails())


@scenario(TEXT)
async def expect_100(session, server):
    async with session.post(server.url, data=b"later", expect100=True) as response:
        return await response.read()


@scenario(response(b"no", status=b"417 Expectation Failed"))
async def expect_100_refused(session, server):
    async with session.post(server.url, data=b"later", expect100=True) as response:
        return response.status, await response.read()


@scenario(TEXT)
async def multipart(session, server):
    form = aiohttp.FormData()
    form.add_field("text", "value")
    form.add_field("file", b"content", filename="name.txt", content_type="text/plain")
    async with session.post(server.url, data=form) as response:
        await response.read()
    server.requests.clear()  # The boundary is random, and its length is not the same.


# Bodies of responses.


@scenario(chunked(b"one", b"two", b"three"))
async def chunked_response(session, server):
    async with session.get(server.url) as response:
        return await seen(response)


@scenario(chunked(b"one", b"two\nlines", b"three"))
async def stream_chunks(session, server):
    async with session.get(server.url) as response:
        return [chunk async for chunk in response.content.iter_chunks()]


@scenario(response(b"line 1\nline 2\n\nlast"))
async def stream_lines(session, server):
    async with session.get(server.url) as response:
        lines = [line async for line in response.content]
        return lines, response.content.at_eof(), await response.read()


@scenario(response(b"0123456789"))
async def stream_pieces(session, server):
    async with session.get(server.url) as response:
        content = response.content
        first = await content.read(3)
        exact = await content.readexactly(2)
        until = await content.readuntil(b"7")
        rest = [piece async for piece in content.iter_chunked(1)]
        return first, exact, until, rest, content.at_eof(), content.total_bytes, repr(content)


@scenario(response(b"0123456789"))
async def stream_any(session, server):
    async with session.get(server.url) as response:
        content = response.content
        pieces = [piece async for piece in content.iter_any()]
        return b"".join(pieces), content.at_eof(), content.is_eof(), await content.read()


@scenario(response(b"012"))
async def stream_incomplete(session, server):
    async with session.get(server.url) as response:
        await response.content.readexactly(5)


@scenario(response(b""))
async def stream_of_nothing(session, server):
    async with session.get(server.url) as response:
        content = response.content
        return content.at_eof(), await content.read(), await content.readline()


@scenario([response(b"01234", headers=[]), Pause, b""])
async def read_after_stream(session, server):
    async with session.get(server.url) as response:
        await response.content.read(2)
        return await response.read(), await response.text()


@scenario([response(b"to the end", length=False), Close])
async def until_close(session, server):
    async with session.get(server.url) as response:
        return await response.read(), response.content_length


@scenario([response(b"", length=False), Close])
async def until_close_empty(session, server):
    async with session.get(server.url, read_until_eof=True) as response:
        return await response.read()


@scenario(response(b"x" * 300_000))
async def long_body(session, server):
    async with session.get(server.url) as response:
        return len(await response.read())


@scenario([b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", TEXT])
async def interim_responses(session, server):
    async with session.get(server.url) as response:
        return response.status, await response.read(), dict(response.headers)


@scenario(response(b'{"a": 1}', headers=[("Content-Type", "text/plain")]))
async def json_of_another_type(session, server):
    async with session.get(server.url) as response:
        first = await response.json(content_type=None)
        return first, await response.json()


@scenario(json_response(b"{nonsense"))
async def json_that_is_broken(session, server):
    async with session.get(server.url) as response:
        await response.json()


@scenario(json_response(b'  {"a": 1} \n'), json_response(b""), json_response(b"  "))
async def json_with_spaces(session, server):
    found = []
    for _ in range(3):
        async with session.get(server.url) as response:
            found.append(await response.json())
    return found


@scenario(
    response(
        '"h\u00e9"'.encode("latin-1"),
        headers=[("Content-Type", "application/json; charset=latin-1")],
    )
)
async def json_with_charset(session, server):
    async with session.get(server.url) as response:
        return await response.json(), response.charset, response.get_encoding()


@scenario(response("h\u00e9".encode("utf-16"), headers=[("Content-Type", "text/plain")]))
async def text_encodings(session, server):
    async with session.get(server.url) as response:
        return await response.text("utf-16"), await response.text(errors="replace")


@scenario(response(b"x", headers=[("Content-Disposition", 'attachment; filename="a b.txt"')]))
async def content_disposition(session, server):
    async with session.get(server.url) as response:
        found = response.content_disposition
        return found.type, found.filename


@scenario(response(b"x", headers=[("Link", '</next>; rel="next", <http://x.y/>; rel=prev')]))
async def links(session, server):
    async with session.get(server.url + "/a/b") as response:
        return {
            name: {key: str(value) for key, value in link.items()}
            for name, link in response.links.items()
        }


@scenario(response(b"x", headers=[("X-Text", "h\u00e9")]))
async def header_that_is_not_ascii(session, server):
    async with session.get(server.url) as response:
        return response.headers["x-text"], response.raw_headers


@scenario(response(b"x", headers=[("x-own", "1"), ("etag", "2"), ("CACHE-CONTROL", "3")]))
async def names_of_headers(session, server):
    async with session.get(server.url) as response:
        return await seen(response)


# Statuses.


@scenario(response(b"no", status=b"404 Not Found"))
async def raise_for_status(session, server):
    async with session.get(server.url) as response:
        response.raise_for_status()


@scenario(response(b"no", status=b"500 Sorry"))
async def raise_for_status_of_the_request(session, server):
    await session.get(server.url, raise_for_status=True)


@scenario(response(b"no", status=b"500 Sorry"), options=lambda: {"raise_for_status": True})
async def raise_for_status_of_the_session(session, server):
    async with session.get(server.url, raise_for_status=False) as response:
        assert response.status == 500
    await session.get(server.url)


async def refuse(response):
    raise RuntimeError(await response.text())


@scenario(response(b"refused", status=b"418 Teapot"), options=lambda: {"raise_for_status": refuse})
async def raise_for_status_by_a_function(session, server):
    await session.get(server.url)


@scenario(TEXT)
async def read_after_the_end(session, server):
    async with session.get(server.url) as response:
        await response.read()
    assert await response.text() == "hello"
    await response.read()


@scenario(TEXT)
async def read_too_late(session, server):
    async with session.get(server.url) as response:
        pass
    assert response.closed
    await response.text()


@scenario(TEXT)
async def read_of_content_too_late(session, server):
    async with session.get(server.url) as response:
        content = response.content
    await content.read()


# Redirects.


@scenario(redirect("/next"), redirect("last?x=1"), TEXT)
async def redirects(session, server):
    async with session.get(server.url + "/first#part") as response:
        return await seen(response)


@scenario(redirect("/next"), TEXT)
async def redirect_not_followed(session, server):
    async with session.get(server.url, allow_redirects=False) as response:
        return response.status, response.headers["Location"], str(response.url)


@scenario(redirect("/again"))
async def too_many_redirects(session, server):
    await session.get(server.url + "/again", max_redirects=3)


@scenario(redirect("/next"), [Silence])
async def total_timeout_behind_a_redirect(session, server):
    await session.get(server.url, timeout=aiohttp.ClientTimeout(total=0.05))


@scenario(redirect("/again"))
async def ten_redirects(session, server):
    await session.get(server.url)


@scenario(
    *[
        part
        for status in (b"301 M", b"302 F", b"303 S", b"307 T", b"308 P")
        for part in (redirect("/to", status), TEXT)
    ]
)
async def redirected_post(session, server):
    for _ in range(5):
        async with session.post(server.url, data=b"body") as response:
            await response.read()


@scenario(redirect("/to", b"307 T"), TEXT)
async def redirected_json(session, server):
    async with session.post(server.url, json={"a": 1}, headers={"X": "y"}) as response:
        return await response.read(), list(response.request_info.headers.items())


@scenario(redirect("/to", b"307 T"), TEXT)
async def redirected_generator(session, server):
    await session.post(server.url, data=pieces())


@scenario(redirect("/to", b"303 See Other"), response())
async def redirected_head(session, server):
    async with session.head(server.url, allow_redirects=True) as response:
        return response.method


@scenario(response(b"here", status=b"302 Found"))
async def redirect_to_nowhere(session, server):
    async with session.get(server.url) as response:
        return response.status, await response.read(), len(response.history)


@scenario(redirect("ftp://x.y/"))
async def redirect_to_another_scheme(session, server):
    await session.get(server.url)


@scenario(redirect("http://"))
async def redirect_to_no_host(session, server):
    await session.get(server.url)


@scenario(redirect("http://[::1"))
async def redirect_to_no_url(session, server):
    await session.get(server.url)


@scenario(redirect("/to", headers=[("Set-Cookie", "a=1")]), TEXT)
async def redirect_with_cookie(session, server):
    async with session.get(server.url.replace("127.0.0.1", "localhost")) as response:
        return await seen(response)


@scenario(lambda head: redirect("http://localhost:" + host_port(head) + "/to"), TEXT)
async def redirect_to_another_origin(session, server):
    async with session.get(
        server.url,
        headers={"Authorization": "secret", "Cookie": "a=b", "X-Other": "kept"},
        cookies={"own": "1"},
    ) as response:
        return await response.read()


def host_port(head):
    return head.split(b"Host: ", 1)[1].split(b"\r\n", 1)[0].split(b":")[1].decode()


# Cookies.


@scenario(
    response(b"", headers=[("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2; Path=/x")]), TEXT
)
async def cookies_are_kept(session, server):
    url = server.url.replace("127.0.0.1", "localhost")
    for path in ("/", "/", "/x/y"):
        async with session.get(url + path) as response:
            await response.read()
    return sorted((cookie.key, cookie.value) for cookie in session.cookie_jar)


@scenario(response(b"", headers=[("Set-Cookie", "a=1")]), TEXT)
async def cookies_of_addresses_are_not_kept(session, server):
    for _ in range(2):
        async with session.get(server.url) as response:
            await response.read()
    return len(session.cookie_jar)


@scenario(
    response(b"", headers=[("Set-Cookie", "a=1")]),
    TEXT,
    options=lambda: {"cookie_jar": aiohttp.CookieJar(unsafe=True)},
)
async def cookies_of_addresses(session, server):
    for _ in range(2):
        async with session.get(server.url) as response:
            await response.read()


@scenario(
    response(b"", headers=[("Set-Cookie", "a=1")]),
    TEXT,
    options=lambda: {"cookie_jar": aiohttp.DummyCookieJar(), "cookies": {"own": "1"}},
)
async def no_cookies(session, server):
    for _ in range(2):
        async with session.get(server.url) as response:
            return sorted(response.cookies)


@scenario(TEXT, options=lambda: {"cookies": {"s": "1", "q": '"quoted"'}})
async def cookies_of_the_session(session, server):
    url = server.url.replace("127.0.0.1", "localhost")
    async with session.get(url) as response:
        await response.read()
    async with session.post(url, json=[1], headers={"Cookie": "h=2; s=0", "X": "y"}) as response:
        return list(response.request_info.headers.items())


@scenario(TEXT, options=lambda: {"headers": {"Content-Encoding": "gzip", "Expect": ""}})
async def unusual_headers_of_the_session(session, server):
    async with session.post(server.url, data=b"zipped") as response:
        await response.read()
    async with session.get(server.url) as response:
        await response.read()


@scenario(TEXT, options=lambda: {"cookies": {"s": "1"}})
async def cookies_of_session_and_request(session, server):
    url = server.url.replace("127.0.0.1", "localhost")
    async with session.get(url, cookies={"r": "2", "s": "3"}) as response:
        await response.read()
    async with session.get(url, headers={"Cookie": "h=1"}) as response:
        await response.read()


# Credentials.


@scenario(TEXT)
async def auth(session, server):
    async with session.get(server.url, auth=aiohttp.BasicAuth("me", "pw")) as response:
        await response.read()
    async with session.get(server.url.replace("//", "//user:secret@")) as response:
        return str(response.url), str(response.real_url)


@scenario(TEXT)
async def auth_twice(session, server):
    await session.get(
        server.url, auth=aiohttp.BasicAuth("me", "pw"), headers={"Authorization": "x"}
    )


@scenario(TEXT)
async def auth_of_the_wrong_type(session, server):
    await session.get(server.url, auth=("me", "pw"))


@scenario(TEXT, options=lambda: {"auth": aiohttp.BasicAuth("me", "pw")})
async def auth_of_the_session(session, server):
    async with session.get(server.url) as response:
        await response.read()


# URLs.


@scenario(TEXT)
async def wrong_urls(session, server):
    found = []
    for url in ("http://", "ftp://x.y/", "/relative", "http://[::1", "http:///x", 5, None, "x.y"):
        try:
            await session.get(url)
        except Exception as error:
            found.append((type(error).__name__, str(error)))
    return found


@scenario(TEXT)
async def url_objects(session, server):
    from yarl import URL

    async with session.get(URL(server.url + "/%2F?a=%26", encoded=True)) as response:
        return str(response.url)


# Time.


@scenario(Silence)
async def total_timeout(session, server):
    await session.get(server.url, timeout=aiohttp.ClientTimeout(total=0.05))


@scenario(Silence)
async def timeout_as_a_number(session, server):
    await session.get(server.url, timeout=0.05)


@scenario(Silence)
async def read_timeout(session, server):
    await session.get(server.url, timeout=aiohttp.ClientTimeout(sock_read=0.05))


@scenario([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart", Silence])
async def read_timeout_in_the_body(session, server):
    async with session.get(server.url, timeout=aiohttp.ClientTimeout(sock_read=0.05)) as response:
        await response.read()


@scenario([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart", Silence])
async def total_timeout_in_the_body(session, server):
    async with session.get(server.url, timeout=aiohttp.ClientTimeout(total=0.05)) as response:
        await response.read()


@scenario([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart", Silence])
async def total_timeout_in_the_stream(session, server):
    async with session.get(server.url, timeout=aiohttp.ClientTimeout(total=0.05)) as response:
        first = await response.content.read(4)
        assert first == b"part"
        await response.content.read(4)


@scenario([Pause, TEXT], options=lambda: {"connector": aiohttp.TCPConnector(limit=1)})
async def connect_timeout_while_waiting(session, server):
    first = asyncio.ensure_future(session.get(server.url))
    while not server.requests:
        await asyncio.sleep(0)
    try:
        await session.get(server.url, timeout=aiohttp.ClientTimeout(connect=0.05))
    finally:
        server.go_on.set()
        await first
        await (await first).read()


@scenario(Silence)
async def cancelled(session, server):
    task = asyncio.ensure_future(session.get(server.url))
    while not server.requests:
        await asyncio.sleep(0)
    task.cancel()
    await task


# Peers that fail.


@scenario(Close)
async def closed_before_the_answer(session, server):
    await session.get(server.url)


@scenario(Close)
async def closed_before_the_answer_to_a_post(session, server):
    await session.post(server.url, data=b"x")


@scenario(Reset)
async def reset_before_the_answer(session, server):
    await session.get(server.url)


@scenario(Close, TEXT)
async def repeated_after_a_close(session, server):
    async with session.get(server.url) as response:
        return await response.read()


@scenario(Close, TEXT)
async def put_repeated_after_a_close(session, server):
    async with session.put(server.url, data=b"again") as response:
        return await response.read()


@scenario([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart", Close])
async def closed_within_the_body(session, server):
    async with session.get(server.url) as response:
        await response.read()


@scenario([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart", Close])
async def closed_within_the_stream(session, server):
    async with session.get(server.url) as response:
        first = await response.content.read(4)
        assert first == b"part"
        await response.content.read(4)


@scenario([chunked(b"one")[:-7], Close])
async def closed_within_the_chunks(session, server):
    async with session.get(server.url) as response:
        await response.read()


# aiohttp's text is the representation of what it has understood.
@scenario([b"HTTP/1.1 200 OK\r\nContent-Le", Close], differs=("text",))
async def closed_within_the_head(session, server):
    await session.get(server.url)


@scenario(TEXT)
async def refused(session, server):
    await session.get("http://127.0.0.1:1/")


@scenario(TEXT)
async def unknown_host(session, server):
    await session.get("http://no-such-host.invalid/")


@scenario(TEXT)
async def closed_session(session, server):
    await session.close()
    await session.get(server.url)
