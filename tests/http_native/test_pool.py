"""The native classes of the HTTP client, below the doors: what they do with real sockets."""

import asyncio
import gc
import os
import weakref

import aioxide
import pytest
from aioxide._aioxide import HttpPool
from aioxide.http import _errors

pytestmark = pytest.mark.timeout(30)

HEADERS = [("Host", "localhost")]


@pytest.fixture(autouse=True)
def only_once():
    """These classes have no other side: the run of the standard library's leaves them out."""
    if os.environ.get("AIOXIDE_TEST_LOOPS") == "asyncio":
        pytest.skip("aioxide only")


class Server:
    """Answers each request head with the next of its answers; counts connections."""

    def __init__(self, *answers, close=False):
        self.answers = list(answers)
        self.close = close
        self.connections = 0
        self.requests = []

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.key = self.server.sockets[0].getsockname()
        return self

    async def __aexit__(self, *_):
        self.server.close()

    async def serve(self, reader, writer):
        self.connections += 1
        try:
            while self.answers:
                self.requests.append(await reader.readuntil(b"\r\n\r\n"))
                answer = self.answers.pop(0)
                if callable(answer):
                    await answer(reader, writer)
                else:
                    writer.write(answer)
                if self.close:
                    break
            else:
                await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def answer(body=b"hello", *headers):
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n" % len(body)
    return head + b"".join(line + b"\r\n" for line in headers) + b"\r\n" + body


async def connect(key, protocol):
    await asyncio.get_running_loop().create_connection(lambda: protocol, *key)
    return "info"


def run(function):
    return aioxide.run(function())


def test_a_request_and_the_connection_again():
    async def main():
        async with Server(
            answer(b"one"), answer(b"two", b"X-Twice: 1", b"x-twice: \xe9")
        ) as server:
            pool = HttpPool(connect)
            first = await pool.request(server.key, "GET", b"/a?b", HEADERS)
            assert (first.status, first.reason, first.version) == (200, b"OK", (1, 1))
            assert first.is_complete and not first.is_reused
            assert (pool.idle, pool.in_use) == (1, 0)
            assert await first.read() == b"one"
            second = await pool.request(server.key, "GET", b"/", [(b"Host", b"x")])
            assert second.is_reused and second.info == "info"
            assert second.read_nowait() == b"two"
            assert second.get("X-TWICE") == "1"
            assert second.get_all("x-twice") == ["1", "\xe9"]
            assert second.raw_headers[1:] == ((b"X-Twice", b"1"), (b"x-twice", b"\xe9"))
            assert server.connections == 1
            assert server.requests[0] == b"GET /a?b HTTP/1.1\r\nHost: localhost\r\n\r\n"
            pool.close()
            assert (pool.idle, pool.in_use, pool.closed) == (0, 0, True)

    run(main)


def test_headers_that_come_again_are_the_same():
    async def main():
        async with Server(*[answer()] * 6) as server:
            pool = HttpPool(connect)
            kept = (("Host", "kept"), ("X-A", "1"))
            changing = (["Host", "changing"], ("X-A", "1"))
            for headers in (kept, kept, changing):
                await pool.request(server.key, "GET", b"/", headers)
            changing[0][1] = "changed"
            await pool.request(server.key, "GET", b"/", changing)
            await pool.request(server.key, "POST", b"/", (*kept, ("Content-Length", "2")), b"ok")
            with pytest.raises(_errors.LocalProtocolError):
                await pool.request(server.key, "GET", b"/", (*kept, ("X-B", "a\r\nb")))
            with pytest.raises(_errors.LocalProtocolError):
                await pool.request(server.key, "GET", b"/", (("X-A", "without a host"),))
            heads = [request.partition(b"\r\n")[2] for request in server.requests]
            one = b"Host: kept\r\nX-A: 1\r\n"
            assert heads[:2] == [one + b"\r\n"] * 2
            assert heads[2:4] == [
                b"Host: changing\r\nX-A: 1\r\n\r\n",
                b"Host: changed\r\nX-A: 1\r\n\r\n",
            ]
            assert heads[4] == one + b"Content-Length: 2\r\n\r\n"
            pool.close()

    run(main)


def test_which_responses_are_plain():
    async def main():
        answers = (answer(), answer(b"", b"sEt-Cookie: a=b"), answer(b"", b"content-encoding: x"))
        async with Server(*answers) as server:
            pool = HttpPool(connect)
            found = [await pool.request(server.key, "GET", b"/", HEADERS) for _ in answers]
            assert [response.is_plain for response in found] == [True, False, False]
            pool.close()

    run(main)


def test_a_body_in_pieces():
    async def main():
        async def slowly(reader, writer):
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            await writer.drain()
            await asyncio.sleep(0.01)
            writer.write(b"1\r\n!\r\n0\r\nX-Sum: 6\r\n\r\n")

        async with Server(slowly) as server:
            pool = HttpPool(connect)
            response = await pool.request(server.key, "GET", b"/", HEADERS)
            assert not response.is_complete
            assert response.read_nowait() is None
            assert await response.read_some() == b"hello"
            assert await response.read_some() == b"!"
            assert await response.read_some() == b""
            assert response.trailers == ((b"X-Sum", b"6"),)
            assert pool.idle == 1
            pool.close()

    run(main)


def test_a_body_that_is_sent_in_pieces():
    async def main():
        async def echo(reader, writer):
            body = await reader.readexactly(5 + 5 + 5 + 5 + 5)
            writer.write(answer(body))

        async with Server(echo) as server:
            pool = HttpPool(connect)
            lease = await pool.acquire(server.key)
            assert not lease.is_connected
            await lease.connect()
            assert lease.is_connected and lease.info == "info"
            chunked = [*HEADERS, ("Transfer-Encoding", "chunked")]
            exchange = lease.open("POST", b"/", chunked)
            assert await exchange.write(b"hello")
            assert await exchange.write(bytearray(b"world"))
            assert await exchange.end()
            response = await exchange.response()
            assert await response.read() == b"5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n"
            pool.close()

    run(main)


def test_limits_hold_and_waiters_come_in_order():
    async def main():
        async with Server(*[answer(b"%d" % number) for number in range(20)]) as server:
            pool = HttpPool(connect, limit=1)
            order = []

            async def fetch(number):
                response = await pool.request(server.key, "GET", b"/", HEADERS)
                order.append((number, await response.read()))

            await asyncio.gather(*[fetch(number) for number in range(20)])
            assert order == [(number, b"%d" % number) for number in range(20)]
            assert server.connections == 1
            pool.close()

    run(main)


@pytest.mark.parametrize(
    ("limits", "error"),
    [
        ({"timeouts": (None, None, 0.02, None)}, _errors.ReadTimeout),
        ({"deadline": 0.02}, _errors.TotalTimeout),
    ],
)
def test_a_server_that_is_silent(limits, error):
    async def main():
        async def wait(reader, writer):
            await reader.read()

        if "deadline" in limits:
            limits["deadline"] = asyncio.get_running_loop().time() + 0.02
        async with Server(wait) as server:
            pool = HttpPool(connect)
            with pytest.raises(error):
                await pool.request(server.key, "GET", b"/", HEADERS, **limits)
            assert (pool.idle, pool.in_use) == (0, 0)
            pool.close()

    run(main)


def test_connecting_that_takes_too_long_is_cancelled():
    async def main():
        cancelled = asyncio.Event()

        async def never(key, protocol):
            try:
                await asyncio.sleep(3600)
            finally:
                cancelled.set()

        pool = HttpPool(never)
        with pytest.raises(_errors.ConnectTimeout):
            await pool.request("key", "GET", b"/", HEADERS, timeouts=(None, 0.01, None, None))
        await cancelled.wait()
        assert pool.in_use == 0
        pool.close()

    run(main)


def test_what_connect_raises_reaches_the_caller():
    async def main():
        error = OSError("its own")

        async def fail(key, protocol):
            raise error

        pool = HttpPool(fail)
        with pytest.raises(OSError) as raised:
            await pool.request("key", "GET", b"/", HEADERS)
        assert raised.value is error
        pool.close()

    run(main)


def test_a_connect_without_a_connection_is_an_error():
    async def main():
        async def nothing(key, protocol):
            pass

        pool = HttpPool(nothing)
        with pytest.raises(RuntimeError, match="without a connection"):
            await pool.request("key", "GET", b"/", HEADERS)
        pool.close()

    run(main)


def test_a_cancelled_request_closes_its_connection():
    async def main():
        ended = asyncio.Event()

        async def wait(reader, writer):
            await reader.read()
            ended.set()

        async with Server(wait) as server:
            pool = HttpPool(connect)
            task = asyncio.create_task(pool.request(server.key, "GET", b"/", HEADERS))
            while not server.requests:
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (pool.idle, pool.in_use) == (0, 0)
            await ended.wait()
            pool.close()

    run(main)


def test_a_connection_made_too_late_is_closed():
    async def main():
        async with Server(answer()) as server:
            made = []

            async def stubborn(key, protocol):
                try:
                    await asyncio.sleep(3600)
                except asyncio.CancelledError:
                    transport, _ = await asyncio.get_running_loop().create_connection(
                        lambda: protocol, *key
                    )
                    made.append(transport)

            pool = HttpPool(stubborn)
            with pytest.raises(_errors.ConnectTimeout):
                await pool.request(
                    server.key, "GET", b"/", HEADERS, timeouts=(None, 0.01, None, None)
                )
            while not made:
                await asyncio.sleep(0.001)
            assert made[0].is_closing()
            pool.close()

    run(main)


def test_a_stale_connection_is_replaced_if_that_is_safe():
    async def main():
        async def cut(reader, writer):
            writer.close()

        async with Server(answer(b"1"), cut, answer(b"2"), cut) as server:
            pool = HttpPool(connect)
            await (await pool.request(server.key, "GET", b"/", HEADERS)).read()
            again = await pool.request(server.key, "GET", b"/", HEADERS, may_retry=True)
            assert await again.read() == b"2"
            with pytest.raises(_errors.ServerDisconnected) as raised:
                await pool.request(server.key, "GET", b"/", HEADERS)
            assert raised.value.reused
            assert server.connections == 2
            pool.close()

    run(main)


def test_a_body_that_ends_early():
    async def main():
        async def cut(reader, writer):
            writer.write(answer(b"x" * 100)[:-50])
            writer.close()

        async with Server(cut) as server:
            pool = HttpPool(connect)
            response = await pool.request(server.key, "GET", b"/", HEADERS)
            with pytest.raises(_errors.IncompleteBody) as raised:
                await response.read()
            assert (raised.value.received, raised.value.expected) == (50, 100)
            pool.close()

    run(main)


@pytest.mark.parametrize(
    ("method", "target", "headers", "text"),
    [
        ("GE T", b"/", HEADERS, "invalid method"),
        ("GET", b"/ x", HEADERS, "invalid request target"),
        ("GET", b"/", [*HEADERS, ("X", "a\r\nY: b")], "invalid value"),
        ("GET", b"/", [*HEADERS, ("X Y", "a")], "invalid header name"),
        ("GET", b"/", [], "needs a Host header"),
    ],
)
def test_what_cannot_be_sent_is_named(method, target, headers, text):
    async def main():
        pool = HttpPool(connect)
        with pytest.raises(_errors.LocalProtocolError, match=text):
            await pool.request(("127.0.0.1", 1), method, target, headers)
        pool.close()

    run(main)


@pytest.mark.parametrize("headers", [[("A", 1)], ["ABC"], [("A",)], 3, [("A", "b", "c")]])
def test_headers_of_another_form_are_refused(headers):
    async def main():
        pool = HttpPool(connect)
        with pytest.raises((TypeError, ValueError)):
            await pool.request(("127.0.0.1", 1), "GET", b"/", headers)
        pool.close()

    run(main)


def test_a_large_body_is_received_with_little_memory():
    async def main():
        size = 64 * 1024 * 1024

        async def flood(reader, writer):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            piece = bytes(1024 * 1024)
            for _ in range(size // len(piece)):
                writer.write(piece)
                await writer.drain()

        async with Server(flood) as server:
            pool = HttpPool(connect)
            response = await pool.request(server.key, "GET", b"/", HEADERS)
            received = 0
            while piece := await response.read_some(1 << 20):
                received += len(piece)
                assert len(piece) <= 1 << 20
            assert received == size
            assert pool.idle == 1
            pool.close()

    run(main)


def test_idle_connections_expire():
    async def main():
        async with Server(answer()) as server:
            pool = HttpPool(connect, keepalive_expiry=0.02)
            await (await pool.request(server.key, "GET", b"/", HEADERS)).read()
            assert pool.idle == 1
            while pool.idle:
                await asyncio.sleep(0.005)
            pool.close()

    run(main)


def test_a_pool_that_is_dropped_closes_its_connections():
    async def main():
        ended = asyncio.Event()

        async def wait(reader, writer):
            writer.write(answer())
            await reader.read()
            ended.set()

        async with Server(wait) as server:
            pool = HttpPool(connect)
            await (await pool.request(server.key, "GET", b"/", HEADERS)).read()
            reference = weakref.ref(pool)
            del pool
            gc.collect()
            assert reference() is None
            await ended.wait()

    run(main)


def test_a_response_that_is_dropped_closes_its_connection():
    async def main():
        async def half(reader, writer):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")

        async with Server(half) as server:
            pool = HttpPool(connect)
            response = await pool.request(server.key, "GET", b"/", HEADERS)
            assert pool.in_use == 1
            del response
            assert pool.in_use == 0
            pool.close()

    run(main)


def test_closing_the_pool_ends_every_wait():
    async def main():
        async def wait(reader, writer):
            await reader.read()

        async with Server(wait, wait) as server:
            pool = HttpPool(connect, limit=1)
            tasks = [
                asyncio.create_task(pool.request(server.key, "GET", b"/", HEADERS))
                for _ in range(2)
            ]
            while not server.requests:
                await asyncio.sleep(0)
            assert pool.waiting == 1
            pool.close()
            for task in tasks:
                with pytest.raises(_errors.PoolClosed):
                    await task

    run(main)


def test_two_loops_do_not_share_a_pool():
    pool = HttpPool(connect)

    async def main():
        assert pool.try_acquire("key") is not None

    loop, other = aioxide.new_event_loop(), aioxide.new_event_loop()
    loop.run_until_complete(main())
    with pytest.raises(RuntimeError, match="belongs to"):
        other.run_until_complete(main())
    loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        other.run_until_complete(main())
    other.close()


def test_another_loop_than_ours_is_refused():
    async def main():
        with pytest.raises(RuntimeError, match="runs on a loop of aioxide"):
            HttpPool(connect).try_acquire("key")

    asyncio.run(main())


def test_an_upgraded_connection_leaves_the_pool():
    async def main():
        async def switch(reader, writer):
            writer.write(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhi")
            await reader.read()

        async with Server(switch) as server:
            pool = HttpPool(connect)
            headers = [*HEADERS, ("Upgrade", "x"), ("Connection", "upgrade")]
            response = await pool.request(server.key, "GET", b"/", headers)
            assert response.is_upgrade and response.status == 101
            transport, rest = response.upgrade()
            assert (rest, pool.in_use) == (b"hi", 0)
            transport.close()
            with pytest.raises(RuntimeError):
                response.upgrade()
            pool.close()

    run(main)


def test_many_origins_are_forgotten():
    async def main():
        async with Server(*[answer()] * 1000) as server:
            pool = HttpPool(connect, max_idle=0)
            host, port = server.key
            keys = [(host, port, number) for number in range(1000)]

            async def anywhere(key, protocol):
                return await connect(key[:2], protocol)

            pool = HttpPool(anywhere, limit=10)
            references = []
            for key in keys:

                class Key(tuple):
                    __slots__ = ()

                references.append(weakref.ref(Key))
                response = await pool.request(Key(key), "GET", b"/", HEADERS)
                await response.read()
            del Key
            pool.close_idle()
            gc.collect()
            assert sum(reference() is not None for reference in references) < 600
            pool.close()

    run(main)
