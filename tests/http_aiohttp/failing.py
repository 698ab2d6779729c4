"""Programs whose requests take too long, and whose peers fail."""

import asyncio

import aiohttp
from http_aiohttp.scenarios import TEXT, scenario
from http_aiohttp.scripted import Close, Pause, Reset, Silence, chunked


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
