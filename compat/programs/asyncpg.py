"""asyncpg against a real PostgreSQL, over TCP, TLS and its Unix socket."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

import asyncpg
from harness.catalogue import POSTGRESQL
from harness.given import Given

MIB = 1 << 20


def main(given: Given) -> None:
    given.run(work(given))


async def work(given: Given) -> None:
    server = given.servers[POSTGRESQL]
    over_tcp = {"host": server["host"], "port": server["port"], "user": server["user"]}
    over_tcp |= {"database": "postgres"}
    async with asyncpg.create_pool(**over_tcp, ssl=False, min_size=2, max_size=10) as pool:
        await many_queries(given, pool)
        async with pool.acquire() as connection:
            await transactions(given, connection)
            await large_values(given, connection)
            await copied(given, connection)
            await notified(given, connection, pool)
        await cancelled(given, pool)
        await disconnected(given, pool, over_tcp)
    tls = {**over_tcp, "host": "localhost", "ssl": given.client_tls()}
    async with connected(tls) as connection:
        row = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"
        assert await connection.fetchval(row) is True
        await large_values(given, connection, "TLS")
    unix = {**over_tcp, "host": server["sockets"]}
    async with connected(unix) as connection:
        assert await connection.fetchval("select inet_client_addr()") is None
        await large_values(given, connection, "a Unix socket")
    await refused(given, over_tcp)


@contextlib.asynccontextmanager
async def connected(address: dict) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(**address)
    try:
        yield connection
    finally:
        await connection.close()


async def many_queries(given: Given, pool: asyncpg.Pool) -> None:
    total = given.times(2000, 300)
    answers = await asyncio.gather(
        *(pool.fetchval("select $1::int * 2", number) for number in range(total))
    )
    assert answers == [number * 2 for number in range(total)]
    given.did(f"{total} queries at once on 10 connections")


async def transactions(given: Given, connection: asyncpg.Connection) -> None:
    rows = given.times(20_000, 2000)
    await connection.execute("create temp table numbers (n int primary key, t text)")
    async with connection.transaction():
        await connection.executemany(
            "insert into numbers values ($1, $2)", ((n, f"row {n}") for n in range(rows))
        )
    try:
        async with connection.transaction():
            await connection.execute("delete from numbers")
            await connection.execute("insert into numbers values (1, 'a'), (1, 'b')")
    except asyncpg.UniqueViolationError:
        pass
    async with connection.transaction():
        seen = [row["n"] async for row in connection.cursor("select n from numbers order by n")]
    assert seen == list(range(rows))
    given.did(f"{rows:,} rows in a transaction, one rolled back, a cursor")


async def large_values(given: Given, connection: asyncpg.Connection, how: str = "") -> None:
    size = given.times(32, 4)
    value = random.Random(size).randbytes(size * MIB)
    assert await connection.fetchval("select $1::bytea", value) == value
    given.did(f"{size} MiB there and back" + (f" over {how}" if how else ""))


async def copied(given: Given, connection: asyncpg.Connection) -> None:
    lines = given.times(200_000, 20_000)

    async def source() -> AsyncIterator[bytes]:
        for start in range(0, lines, 1000):
            yield b"".join(b"%d\tline %d\n" % (n, n) for n in range(start, start + 1000))

    await connection.execute("create temp table copied (n int, t text)")
    status = await connection.copy_to_table("copied", source=source())
    assert status == f"COPY {lines}", status
    received = bytearray()

    async def sink(data: bytes) -> None:
        received.extend(data)

    await connection.copy_from_query("select * from copied order by n", output=sink)
    assert bytes(received) == b"".join(b"%d\tline %d\n" % (n, n) for n in range(lines))
    given.did(f"COPY of {lines:,} lines in and out")


async def notified(given: Given, connection: asyncpg.Connection, pool: asyncpg.Pool) -> None:
    received: asyncio.Queue[str] = asyncio.Queue()

    def listener(_connection, _pid, _channel, payload) -> None:
        received.put_nowait(payload)

    await connection.add_listener("news", listener)
    for number in range(10):
        await pool.execute("select pg_notify('news', $1)", str(number))
    async with asyncio.timeout(30):
        assert [await received.get() for _ in range(10)] == [str(n) for n in range(10)]
    await connection.remove_listener("news", listener)
    given.did("notifications")


async def cancelled(given: Given, pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        await connection.execute("set application_name = 'sleeper'")
        task = asyncio.create_task(connection.execute("select pg_sleep(1000)"))
        await sleeping(pool, 1)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert task.cancelled()
        # The server was told, and the connection is good for the next query.
        assert await connection.fetchval("select 1") == 1
        await sleeping(pool, 0)
        try:
            await connection.execute("select pg_sleep(1000)", timeout=0.05)
        except TimeoutError:
            pass
        else:
            raise AssertionError("a query of 1000 s was done in 0.05 s")
        await sleeping(pool, 0)
    given.did("a query cancelled, one timed out")


async def sleeping(pool: asyncpg.Pool, wanted: int) -> None:
    """Wait until so many queries sleep in the server."""
    count = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'"
    async with asyncio.timeout(30):
        while await pool.fetchval(count) != wanted:
            await asyncio.sleep(0.01)


async def disconnected(given: Given, pool: asyncpg.Pool, address: dict) -> None:
    connection = await asyncpg.connect(**address, ssl=False)
    task = asyncio.create_task(connection.execute("select pg_sleep(1000)"))
    await sleeping(pool, 1)
    await pool.execute("select pg_terminate_backend($1)", connection.get_server_pid())
    try:
        await task
    except (asyncpg.AdminShutdownError, asyncpg.ConnectionDoesNotExistError):
        pass  # which of the two depends on how far the reading has come
    else:
        raise AssertionError("a query outlived its server process")
    assert connection.is_closed()
    given.did("a connection cut by the server")


async def refused(given: Given, address: dict) -> None:
    try:
        await asyncpg.connect(**{**address, "database": "not there"}, ssl=False)
    except asyncpg.InvalidCatalogNameError:
        given.did("refused, closed cleanly")
    else:
        raise AssertionError("connected to a database that is not there")
