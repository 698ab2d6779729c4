"""Which connections there are, and when they end: httpx and httpx2 by each door."""

import asyncio
import gc

import pytest

from .servers import response


def test_connection_is_used_again(run, client, server):
    async def go():
        async with client() as http:
            for _ in range(3):
                await http.get(server.url)

    run(go())
    assert [each.connection for each in server.requests] == [0, 0, 0]


def test_closing_the_client_closes_the_connections(run, client, server):
    async def go():
        http = client()
        await http.get(server.url)
        assert not server.accepted[0].closed.is_set()
        await http.aclose()
        await server.accepted[0].closed.wait()

    run(go())


def test_leaving_the_client_closes_the_connections(run, client, server):
    async def go():
        async with client() as http:
            await http.get(server.url)
        await server.accepted[0].closed.wait()

    run(go())


def test_transport_can_be_used_after_it_was_closed(run, package, transport, server):
    async def go():
        made = transport()
        for _ in range(2):
            request = package.Request("GET", server.url)
            answer = await made.handle_async_request(request)
            await answer.aread()
            await answer.aclose()
            await made.aclose()
        return answer

    assert run(go()).content == b"GET /\n"
    assert len(server.accepted) == 2


def test_transport_as_a_context(run, package, transport, server):
    async def go():
        async with transport() as made:
            answer = await made.handle_async_request(package.Request("GET", server.url))
            body = b"".join([part async for part in answer.stream])
            await answer.stream.aclose()
            return body

    assert run(go()) == b"GET /\n"


def test_transport_in_mounts(run, package, transport, server):
    async def go():
        mounts = {"http://localhost": transport()}
        unused = package.MockTransport(lambda request: package.Response(500))
        async with package.AsyncClient(transport=unused, mounts=mounts) as http:
            return await http.get(server.url)

    assert run(go()).status_code == 200


def test_server_that_says_close(run, client, server):
    async def answer(request, connection):
        connection.writer.write(response(b"x", headers=[("Connection", "close")]))
        await connection.writer.drain()

    server.answer = answer

    async def go():
        async with client() as http:
            for _ in range(2):
                assert (await http.get(server.url)).content == b"x"

    run(go())
    assert len(server.accepted) == 2


def test_connection_that_the_server_has_closed_is_replaced(run, client, server):
    async def go():
        async with client() as http:
            await http.get(server.url)
            server.accepted[0].writer.close()
            await server.accepted[0].writer.wait_closed()
            for _ in range(3):
                await asyncio.sleep(0)
            return await http.get(server.url)

    assert run(go()).status_code == 200
    assert len(server.accepted) == 2


@pytest.mark.parametrize("how", ["close", "leave", "drop"])
def test_unread_response_closes_its_connection(run, client, server, how):
    async def answer(request, connection):
        if request.target == "/all":
            return response(b"all")
        return b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + bytes(1000)

    server.answer = answer

    async def go():
        async with client() as http:
            if how == "leave":
                async with http.stream("GET", server.url) as got:
                    async for _ in got.aiter_bytes():
                        break
            else:
                got = await http.send(http.build_request("GET", server.url), stream=True)
                if how == "close":
                    await got.aclose()
                del got
                gc.collect()
            if how != "drop":
                await server.accepted[0].closed.wait()
            return await http.get(f"{server.url}/all")

    assert run(go()).content == b"all"
    assert len(server.accepted) == 2


@pytest.mark.parametrize("options", [{"max_keepalive_connections": 0}, {"keepalive_expiry": 0.0}])
def test_connections_are_not_kept(run, client, package, server, options):
    async def go():
        async with client(limits=package.Limits(**options)) as http:
            for _ in range(2):
                await http.get(server.url)
                await asyncio.sleep(0.001)

    run(go())
    assert len(server.accepted) == 2


def test_no_more_connections_than_allowed(run, client, package, server):
    most = 0

    async def answer(request, connection):
        nonlocal most
        most = max(most, sum(not each.closed.is_set() for each in server.accepted))
        await asyncio.sleep(0)
        return response(b"x")

    server.answer = answer

    async def go():
        async with client(limits=package.Limits(max_connections=3)) as http:
            await asyncio.gather(*(http.get(server.url) for _ in range(20)))

    run(go())
    assert most == 3


def test_idle_connection_gives_way_to_another_host(run, client, package, server):
    async def go():
        async with client(limits=package.Limits(max_connections=1)) as http:
            await http.get(server.url)
            await http.get(f"http://127.0.0.1:{server.port}/")

    run(go())
    assert len(server.accepted) == 2


def test_cancelled_request_closes_its_connection(run, client, server):
    async def never(request, connection):
        await asyncio.Event().wait()

    server.answer = never

    async def go():
        async with client() as http:
            task = asyncio.ensure_future(http.get(server.url))
            await server.received.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await server.accepted[0].reader.read()  # its end

    run(go())


@pytest.mark.parametrize("steps", range(0, 60, 4))
@pytest.mark.parametrize("content", [b"body", None])
def test_cancellation_at_any_step_leaves_nothing_behind(run, client, server, content, steps):
    async def pieces():
        for _ in range(3):
            yield b"piece"
            await asyncio.sleep(0)

    async def go():
        async with client() as http:
            body = pieces() if content is None else content
            task = asyncio.ensure_future(http.post(server.url, content=body))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert (await http.get(server.url)).status_code == 200
        await asyncio.sleep(0.01)
        assert asyncio.all_tasks() - {asyncio.current_task()} - server._tasks == set()

    run(go())
    gc.collect()


def test_many_requests_at_once(run, client, server):
    async def go():
        async with client() as http:
            urls = [f"{server.url}/{number}" for number in range(150)]
            answers = await asyncio.gather(*(http.get(url) for url in urls))
            return [each.text for each in answers]

    assert run(go()) == [f"GET /{number}\n" for number in range(150)]


def test_streams_both_ways_at_once(run, client, server):
    async def answer(request, connection):
        writer, reader = connection.writer, connection.reader
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        request_body = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            request_body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readuntil(b"\r\n")
        for _ in range(5):
            writer.write(b"4\r\nline\r\n")
            await writer.drain()
        return b"0\r\n\r\n"

    server.answer = answer

    async def body():
        for _ in range(5):
            yield b"piece"

    async def go():
        async with client() as http:
            headers = {"X-Unread": "1"}
            async with http.stream("POST", server.url, content=body(), headers=headers) as got:
                return b"".join([part async for part in got.aiter_raw()])

    assert run(go()) == b"line" * 5


def test_upload_of_much_is_held_up_by_a_slow_server(run, client, server):
    sent = 0
    go_on = asyncio.Event()

    async def answer(request, connection):
        await go_on.wait()
        await server.read_body(connection, request)
        return response(str(len(request.body)).encode())

    server.answer = answer

    async def body():
        nonlocal sent
        for _ in range(200):
            sent += 65536
            yield bytes(65536)

    async def go():
        async with client() as http:
            headers = {"X-Unread": "1"}
            task = asyncio.ensure_future(http.post(server.url, content=body(), headers=headers))
            await server.received.wait()
            before = -1
            while sent != before:
                before = sent
                await asyncio.sleep(0.02)
            held = sent
            go_on.set()
            return held, (await task).content

    held, size = run(go())
    assert held < 200 * 65536
    assert size == str(200 * 65536).encode()
