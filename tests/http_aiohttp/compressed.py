"""Programs that get compressed bodies, sound and broken ones."""

import gzip
import zlib

import aiohttp
from http_aiohttp.scenarios import scenario
from http_aiohttp.scripted import chunked, response

PLAIN = b"compressible " * 1000


def gzipped(body, **more):
    return response(
        gzip.compress(body, mtime=0),
        headers=[("Content-Encoding", "gzip"), ("Content-Type", "text/plain")],
        **more,
    )


def raw_deflate(body):
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(body) + compressor.flush()


@scenario(gzipped(PLAIN))
async def gzip_read(session, server):
    async with session.get(server.url) as response:
        body = await response.read()
        return body == PLAIN, dict(response.headers), response.content.total_bytes


@scenario(
    response(zlib.compress(PLAIN), headers=[("Content-Encoding", "deflate")]),
    response(raw_deflate(PLAIN), headers=[("Content-Encoding", "deflate")]),
)
async def deflate(session, server):
    found = []
    for _ in range(2):
        async with session.get(server.url) as response:
            found.append(await response.read() == PLAIN)
    return found


@scenario(chunked(*[gzip.compress(PLAIN, mtime=0)[i : i + 7] for i in range(0, 70, 7)]))
async def gzip_not_announced(session, server):
    async with session.get(server.url) as response:
        return await response.read()


@scenario(
    chunked(
        gzip.compress(PLAIN, mtime=0)[:40],
        gzip.compress(PLAIN, mtime=0)[40:],
        headers=[("Content-Encoding", "gzip")],
    )
)
async def gzip_in_chunks(session, server):
    async with session.get(server.url) as response:
        return await response.read() == PLAIN


@scenario(gzipped(PLAIN))
async def gzip_kept(session, server):
    async with session.get(server.url, auto_decompress=False) as response:
        return await response.read()


@scenario(gzipped(PLAIN), options=lambda: {"auto_decompress": False})
async def gzip_kept_by_the_session(session, server):
    async with session.get(server.url) as response:
        return await response.read()


@scenario(response(b"this is no gzip", headers=[("Content-Encoding", "gzip")]))
async def gzip_that_is_none(session, server):
    async with session.get(server.url) as response:
        await response.read()


@scenario(response(b"x", headers=[("Content-Encoding", "unknown")]))
async def unknown_encoding(session, server):
    async with session.get(server.url) as response:
        return await response.read()


@scenario(response(b"", headers=[("Content-Encoding", "gzip")]))
async def gzip_of_nothing(session, server):
    async with session.get(server.url) as response:
        return await response.read()


@scenario(gzipped(bytes(20_000_000)))
async def bomb_streamed(session, server):
    async with session.get(server.url) as response:
        total = largest = 0
        async for piece in response.content.iter_chunked(65536):
            total += len(piece)
            largest = max(largest, len(piece), response.content._size)
        return total, largest <= 2**20


@scenario(gzipped(b"line\n" * 50_000))
async def gzip_lines(session, server):
    async with session.get(server.url) as response:
        return len([line async for line in response.content])


@scenario(gzipped(b'{"a": 1}'))
async def gzip_json(session, server):
    async with session.get(server.url) as response:
        return await response.json(content_type=None), await response.text()


@scenario(gzipped(PLAIN))
async def gzip_request_limits(session, server):
    async with session.get(server.url, read_bufsize=64) as response:
        content = response.content
        assert isinstance(content, aiohttp.StreamReader)
        return len(await content.read(100)), content.get_read_buffer_limits()
