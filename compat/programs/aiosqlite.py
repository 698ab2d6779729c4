"""aiosqlite: connections that live in threads of their own."""

import asyncio
import contextlib
import sqlite3
import threading

import aiosqlite
from harness.given import Given


def main(given: Given) -> None:
    given.run(work(given))
    assert given.threads() == [threading.main_thread()]


async def work(given: Given) -> None:
    path = given.folder / "database"
    async with aiosqlite.connect(path) as connection:
        await filled(given, connection)
        await cancelled(given, connection)
        await rolled_back(given, connection)
        await copied(given, connection)
    await several_connections(given, path)


async def filled(given: Given, connection: aiosqlite.Connection) -> None:
    rows = given.times(100_000, 10_000)
    await connection.execute("create table numbers (n integer primary key, square integer)")
    await connection.executemany(
        "insert into numbers values (?, ?)", ((n, n * n) for n in range(rows))
    )
    await connection.commit()
    total = 0
    async with connection.execute("select n, square from numbers order by n") as cursor:
        async for n, square in cursor:
            assert square == n * n
            total += 1
    assert total == rows
    given.did(f"{rows:,} rows in and out")


async def cancelled(given: Given, connection: aiosqlite.Connection) -> None:
    endless = "with recursive n(i) as (select 0 union all select i + 1 from n) select sum(i) from n"
    task = asyncio.create_task(connection.execute_fetchall(endless))
    async with asyncio.timeout(30):
        while not task.done():
            # It may not have begun, and what has not begun cannot be interrupted.
            await connection.interrupt()
            await asyncio.sleep(0.01)
    assert isinstance(task.exception(), sqlite3.OperationalError)

    slow = "with recursive n(i) as (select 0 union all select i + 1 from n limit 300000) "
    task = asyncio.create_task(connection.execute_fetchall(slow + "select sum(i) from n"))
    await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()
    # The connection goes on with the next one.
    [[one]] = await connection.execute_fetchall("select 1")
    assert one == 1
    given.did("a query interrupted, one cancelled")


async def rolled_back(given: Given, connection: aiosqlite.Connection) -> None:
    [[before]] = await connection.execute_fetchall("select count(*) from numbers")
    try:
        await connection.execute("delete from numbers")
        await connection.execute("insert into nowhere values (1)")
    except sqlite3.OperationalError:
        await connection.rollback()
    [[after]] = await connection.execute_fetchall("select count(*) from numbers")
    assert before == after
    given.did("a rollback")


async def copied(given: Given, connection: aiosqlite.Connection) -> None:
    async with aiosqlite.connect(":memory:") as copy:
        await connection.backup(copy)
        [[rows]] = await copy.execute_fetchall("select count(*) from numbers")
        assert rows == given.times(100_000, 10_000)
    given.did("a backup")


async def several_connections(given: Given, path) -> None:
    async def one(number: int) -> None:
        async with aiosqlite.connect(path, timeout=60) as connection:
            await connection.execute("update numbers set square = square + 1 where n = 0")
            await connection.commit()

    await asyncio.gather(*map(one, range(20)))
    async with aiosqlite.connect(path) as connection:
        [[square]] = await connection.execute_fetchall("select square from numbers where n = 0")
    assert square == 20
    given.did("20 connections at once")
