"""websockets: a server and many clients, over TCP, TLS and a Unix socket."""

import asyncio
import contextlib
import random

from harness.given import Given
from websockets.asyncio.client import ClientConnection, connect, unix_connect
from websockets.asyncio.server import ServerConnection, broadcast, serve, unix_serve
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK

MIB = 1 << 20


def main(given: Given) -> None:
    given.run(work(given))


async def work(given: Given) -> None:
    async with serve(echo, "127.0.0.1", 0, max_size=64 * MIB) as server:
        uri = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await many_clients(given, uri)
        async with connect(uri, max_size=64 * MIB) as connection:
            await large_message(given, connection)
            await cancelled_receive(given, connection)
        await closed_abruptly(given, uri)
        await told_to_all(given, uri, server)
        await closed_by_the_server(given, uri, server)
    async with serve(echo, "127.0.0.1", 0, ssl=given.server_tls(), max_size=None) as server:
        uri = f"wss://localhost:{server.sockets[0].getsockname()[1]}"
        async with connect(uri, ssl=given.client_tls(), max_size=None) as connection:
            await large_message(given, connection, "wss")
    path = str(given.folder / "ws.sock")
    async with unix_serve(echo, path, max_size=None):
        async with unix_connect(path, max_size=None) as connection:
            await large_message(given, connection, "a Unix socket")


async def echo(connection: ServerConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        async for message in connection:
            await connection.send(message)


async def many_clients(given: Given, uri: str) -> None:
    messages = given.times(20, 5)

    async def one(number: int) -> None:
        async with connect(uri) as connection:
            for turn in range(messages):
                await connection.send(f"{number}/{turn}")
                assert await connection.recv() == f"{number}/{turn}"
            await (await connection.ping())
        assert connection.close_code == 1000

    await asyncio.gather(*map(one, range(100)))
    given.did(f"100 clients, {messages} messages each")


async def large_message(given: Given, connection: ClientConnection, how: str = "") -> None:
    size = given.times(16, 4)
    parts = [random.Random(number).randbytes(MIB) for number in range(size)]
    await connection.send(parts)  # as fragments
    assert await connection.recv() == b"".join(parts)
    given.did(f"{size} MiB there and back" + (f" over {how}" if how else ""))


async def cancelled_receive(given: Given, connection: ClientConnection) -> None:
    task = asyncio.create_task(connection.recv())
    await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()
    # Nothing of the next message may have gone to the one that gave up.
    await connection.send("still there")
    assert await connection.recv() == "still there"
    try:
        async with asyncio.timeout(0.01):
            await connection.recv()
    except TimeoutError:
        given.did("a receive cancelled")
    else:
        raise AssertionError("received what nobody sent")


async def closed_abruptly(given: Given, uri: str) -> None:
    async with connect(uri) as connection:
        connection.transport.abort()
        try:
            await connection.recv()
        except ConnectionClosedError:
            given.did("a connection cut")
        else:
            raise AssertionError("received over a connection that was cut")


async def told_to_all(given: Given, uri: str, server) -> None:
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connect(uri)) for _ in range(20)]
        broadcast(server.connections, "to all")
        assert await asyncio.gather(*(client.recv() for client in clients)) == ["to all"] * 20
    given.did("a broadcast")


async def closed_by_the_server(given: Given, uri: str, server) -> None:
    async with connect(uri) as connection:
        waiting = asyncio.create_task(connection.recv())
        await asyncio.sleep(0)
        server.close()
        try:
            await waiting
        except ConnectionClosedOK as closed:
            assert closed.rcvd is not None and closed.rcvd.code == 1001, closed
        else:
            raise AssertionError("received from a server that has closed")
        await server.wait_closed()
    given.did("the server closed cleanly")
