"""Waiting for one, some and all: the types say what of which comes back."""

from __future__ import annotations

import sys
from typing import assert_type

import aioxide as asyncio


async def number(value: int) -> int:
    return value


async def text(value: str) -> str:
    return value


async def failing() -> bytes:
    raise ValueError("on purpose")


async def gathering() -> None:
    assert_type(await asyncio.gather(number(1)), tuple[int])
    assert_type(await asyncio.gather(number(1), text("a")), tuple[int, str])
    first, second, third = await asyncio.gather(number(1), text("a"), number(2))
    assert_type((first, second, third), tuple[int, str, int])
    assert_type(await asyncio.gather(*[number(each) for each in range(3)]), list[int])
    both = await asyncio.gather(number(1), failing(), return_exceptions=True)
    assert_type(both, tuple[int | BaseException, bytes | BaseException])
    if isinstance(both[0], int):
        assert_type(both[0], int)
    await asyncio.gather(1)  # type: ignore[call-overload]


async def waiting() -> None:
    tasks = {asyncio.create_task(number(each)) for each in range(4)}
    done, pending = await asyncio.wait(tasks, timeout=5, return_when=asyncio.FIRST_COMPLETED)
    assert_type(done, set[asyncio.Task[int]])
    assert_type(pending, set[asyncio.Task[int]])
    for task in done:
        assert_type(task.result(), int)
    if pending:
        await asyncio.wait(pending, return_when=asyncio.ALL_COMPLETED)
    failed = asyncio.create_task(failing())
    futures: list[asyncio.Future[bytes]] = [failed]
    ended, _ = await asyncio.wait(futures, return_when=asyncio.FIRST_EXCEPTION)
    assert_type(ended, set[asyncio.Future[bytes]])
    assert_type(failed.exception(), BaseException | None)


async def one_of_them() -> None:
    assert_type(await asyncio.wait_for(number(1), timeout=5), int)
    assert_type(await asyncio.wait_for(asyncio.create_task(text("a")), None), str)
    shielded = asyncio.shield(number(2))
    assert_type(shielded, asyncio.Future[int])
    assert_type(await shielded, int)


async def as_they_come() -> None:
    for next_one in asyncio.as_completed([number(1), number(2)], timeout=5):
        assert_type(await next_one, int)
    if sys.version_info >= (3, 13):
        tasks = [asyncio.create_task(text(each)) for each in "ab"]
        async for task in asyncio.as_completed(tasks):
            assert_type(await task, str)


async def deadlines() -> None:
    async with asyncio.timeout(10) as scope:
        assert_type(scope, asyncio.Timeout)
        assert_type(scope.when(), float | None)
        scope.reschedule(asyncio.get_running_loop().time() + 20)
        await asyncio.sleep(0)
    assert_type(scope.expired(), bool)
    async with asyncio.timeout_at(None):
        await asyncio.sleep(0)
    try:
        async with asyncio.timeout(0):
            await asyncio.sleep(60)
    except TimeoutError:
        pass
    asyncio.timeout("1")  # type: ignore[arg-type]


async def groups() -> int:
    async with asyncio.TaskGroup() as group:
        assert_type(group, asyncio.TaskGroup)
        one = group.create_task(number(1), name="one")
        other = group.create_task(text("a"))
    assert_type(one, asyncio.Task[int])
    assert_type(other.result(), str)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(failing())
    except* ValueError as failures:
        assert_type(failures, ExceptionGroup[ValueError])
    return one.result()


async def main() -> int:
    await waiting()
    await one_of_them()
    await as_they_come()
    try:
        await deadlines()
    except TypeError:
        pass
    try:
        await gathering()
    except TypeError:
        pass
    return await groups()


def run() -> None:
    assert_type(asyncio.run(main()), int)
