"""Usual programs: methods, headers, parameters, URLs, bodies."""

import aiohttp
from http_aiohttp.scenarios import JSON, TEXT, pieces, scenario, seen
from http_aiohttp.scripted import response


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
