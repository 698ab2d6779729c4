"""Programs that read bodies of responses: as a whole, as text, as JSON, as a stream."""

import asyncio

from http_aiohttp.scenarios import TEXT, scenario, seen
from http_aiohttp.scripted import Close, Pause, chunked, json_response, response


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


@scenario([response(b"0123456789")[:-8], Pause, b"23456789"])
async def two_readers(session, server):
    async with session.get(server.url) as response:
        content = response.content
        await content.readexactly(2)
        first = asyncio.ensure_future(content.read(3))
        await asyncio.sleep(0)
        try:
            await content.read(3)
        except RuntimeError as error:
            server.go_on.set()
            return str(error), await first, await content.read()


@scenario(response(b"x" * 1_100_000 + b"\n"))
async def line_that_is_too_long(session, server):
    async with session.get(server.url) as response:
        await response.content.readline()


@scenario([chunked(b"one", b"two")[:-13], Pause, chunked(b"one", b"two")[-13:]])
async def chunks_that_come_in_parts(session, server):
    async with session.get(server.url) as response:
        first = await response.content.readchunk()
        server.go_on.set()
        rest = b""
        async for piece, _ in response.content.iter_chunks():
            rest += piece
        return first, rest


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
