"""What cancelled, dropped and unread responses leave: nothing; and what is warned of."""

import asyncio
import gc
import warnings

import aiohttp
import pytest
from http_aiohttp.scripted import Pause, ScriptedServer, Silence, json_response
from http_aiohttp.sides import run, session_class

JSON = json_response(b"[1]")
HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"


async def settled():
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_cancelled_request_closes_its_connection(Session):
    async def main():
        server = await ScriptedServer([Silence, JSON]).start()
        async with Session(connector=aiohttp.TCPConnector(limit=1)) as session:
            task = asyncio.ensure_future(session.get(server.url)._coro)
            while not server.requests:
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            async with session.get(server.url) as response:
                assert await response.json() == [1]
        await server.close()
        return server.connections

    assert run(main()) == 2


def test_a_cancelled_read_closes_its_connection(Session):
    async def main():
        server = await ScriptedServer([[HALF, Silence], JSON]).start()
        async with Session(connector=aiohttp.TCPConnector(limit=1)) as session:
            response = await session.get(server.url)
            task = asyncio.ensure_future(response.read())
            await settled()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert response.closed
            async with session.get(server.url) as response:
                assert await response.json() == [1]
        await server.close()
        return server.connections

    assert run(main()) == 2


def test_an_unread_response_closes_its_connection(Session):
    async def main():
        server = await ScriptedServer([[HALF, Silence], JSON]).start()
        async with Session(connector=aiohttp.TCPConnector(limit=1)) as session:
            async with session.get(server.url):
                pass
            async with session.get(server.url) as response:
                assert await response.json() == [1]
        await server.close()
        return server.connections

    assert run(main()) == 2


def test_a_dropped_response_frees_its_place(native_side):
    """aiohttp's own response would stay, since its connection refers to it."""

    async def main():
        server = await ScriptedServer([[HALF, Silence], JSON]).start()
        Session = session_class(native_side)
        async with Session(connector=aiohttp.TCPConnector(limit=1)) as session:
            response = await session.get(server.url)
            del response
            gc.collect()
            async with session.get(server.url) as response:
                assert await response.json() == [1]
        await server.close()

    run(main())


def test_a_cancelled_waiter_leaves_the_queue(Session):
    async def main():
        server = await ScriptedServer([[Pause, JSON], JSON]).start()
        async with Session(connector=aiohttp.TCPConnector(limit=1)) as session:
            first = asyncio.ensure_future(session.get(server.url)._coro)
            while not server.requests:
                await asyncio.sleep(0)
            second = asyncio.ensure_future(session.get(server.url)._coro)
            third = asyncio.ensure_future(session.get(server.url)._coro)
            await settled()
            second.cancel()
            server.go_on.set()
            assert await (await first).json() == [1]
            assert await (await third).json() == [1]
            with pytest.raises(asyncio.CancelledError):
                await second
        await server.close()
        return len(server.requests)

    assert run(main()) == 2


def warned_of(call):
    """What a call warns of, without what is warned about."""
    warned = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
        while caught:
            warned += [str(one.message).split(" <")[0] for one in caught]
            # A warning holds what it warns of, which holds the next one.
            caught.clear()
            gc.collect()
    return warned


def test_a_session_that_was_not_closed(Session):
    async def main():
        server = await ScriptedServer([JSON]).start()
        said = []
        asyncio.get_running_loop().set_exception_handler(
            lambda loop, context: said.append(context["message"])
        )
        sessions = [Session()]
        connector = sessions[0].connector
        async with sessions[0].get(server.url) as response:
            await response.read()
        del response
        warned = warned_of(sessions.clear)
        await connector.close()
        await server.close()
        return warned, said

    assert run(main()) == (["Unclosed client session"], ["Unclosed client session"])


def test_a_connector_that_was_not_closed(native_side):
    async def main():
        server = await ScriptedServer([JSON]).start()
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        sessions = [session_class(native_side)()]
        async with sessions[0].get(server.url) as response:
            await response.read()
        del response
        warned = warned_of(sessions.clear)
        await settled()
        await server.close()
        return sorted(warned)

    assert run(main()) == ["Unclosed client session", "Unclosed connector"]


def test_debug_mode_tells_of_unclosed_responses(native_side):
    async def main():
        asyncio.get_running_loop().set_debug(True)
        server = await ScriptedServer([[HALF, Silence]]).start()
        said = []
        asyncio.get_running_loop().set_exception_handler(
            lambda loop, context: said.append(context["message"])
        )
        async with session_class(native_side)() as session:
            responses = [await session.get(server.url)]
            warned = warned_of(responses.clear)
            told = list(said)
        await server.close()
        return warned, told

    assert run(main()) == (["Unclosed response"], ["Unclosed response"])


def test_thousands_of_requests_leave_nothing(Session):
    async def main():
        server = await ScriptedServer([JSON]).start()
        async with Session() as session:

            async def one(number):
                async with session.get(f"{server.url}/{number}") as response:
                    return await response.json()

            for _ in range(20):
                found = await asyncio.gather(*(one(number) for number in range(100)))
                assert found == [[1]] * 100
        await server.close()
        return server.connections

    assert run(main()) <= 100


def test_a_body_of_a_request_is_still_being_sent(Session):
    """The response comes before the body has been sent: the rest is given up."""

    async def main():
        closed = asyncio.Event()

        async def endless():
            try:
                while True:
                    yield b"x" * 65536
                    await asyncio.sleep(0)
            finally:
                closed.set()

        async def refuse(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 413 Too Much\r\nContent-Length: 2\r\n\r\nno")
            await writer.drain()
            while await reader.read(65536):
                pass
            writer.close()

        server = await asyncio.start_server(refuse, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with Session() as session:
            async with session.post(url, data=endless()) as response:
                status = response.status
                body = await response.content.read()
        await settled()
        server.close()
        await server.wait_closed()
        return status, body

    assert run(main()) == (413, b"no")


def test_a_file_is_sent(Session, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"0123456789" * 100_000)

    async def main():
        server = await ScriptedServer([JSON]).start()
        async with Session() as session:
            with path.open("rb") as file:
                async with session.post(server.url, data=file) as response:
                    assert await response.json() == [1]
        await server.close()
        return server.requests[0].partition(b"\r\n\r\n")[2]

    assert run(main()) == path.read_bytes()


def test_a_stream_is_sent_on(Session):
    """The body of one response as the body of another request, in one piece of work."""

    async def main():
        server = await ScriptedServer([json_response(b"[" + b"1," * 50_000 + b"1]"), JSON]).start()
        async with Session() as session:
            async with session.get(server.url) as source:
                async with session.post(server.url, data=source.content) as response:
                    assert await response.json() == [1]
        await server.close()
        return server.requests[1]

    assert b"transfer-encoding: chunked" in run(main()).lower()
