"""Programs, tasks and what runs them: each result has the type that asyncio's has."""

from __future__ import annotations

import contextvars
import sys
from concurrent.futures import Future as ConcurrentFuture
from typing import Any, assert_type

import aioxide as asyncio

request: contextvars.ContextVar[str] = contextvars.ContextVar("request", default="none")


async def number(value: int) -> int:
    await asyncio.sleep(0)
    return value


async def text() -> str:
    assert_type(await asyncio.sleep(0, "done"), str)
    return request.get()


async def tasks() -> None:
    task = asyncio.create_task(number(1), name="first")
    assert_type(task, asyncio.Task[int])
    assert_type(await task, int)
    assert_type(task.result(), int)
    assert_type(task.cancel("enough"), bool)
    assert_type(task.get_name(), str)

    context = contextvars.copy_context()
    context.run(request.set, "42")
    assert_type(await asyncio.create_task(text(), context=context), str)

    assert_type(asyncio.current_task(), asyncio.Task[Any] | None)
    assert_type(asyncio.all_tasks(), set[asyncio.Task[Any]])
    assert_type(asyncio.ensure_future(task), asyncio.Task[int])

    kept: set[asyncio.Task[None]] = set()
    background = asyncio.create_task(asyncio.sleep(0))
    kept.add(background)
    background.add_done_callback(kept.discard)
    await background


async def futures() -> None:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[list[int]] = loop.create_future()
    loop.call_soon(future.set_result, [1, 2])
    assert_type(await future, list[int])
    assert_type(future.exception(), BaseException | None)
    future.set_result("text")  # type: ignore[arg-type]

    value: object = future
    if asyncio.isfuture(value):
        assert_type(value.done(), bool)
    elif asyncio.iscoroutine(value):
        await value


async def other_threads() -> None:
    loop = asyncio.get_running_loop()

    def in_a_thread() -> int:
        result = asyncio.run_coroutine_threadsafe(number(5), loop)
        assert_type(result, ConcurrentFuture[int])
        return result.result(timeout=10)

    assert_type(await asyncio.to_thread(in_a_thread), int)
    concurrent: ConcurrentFuture[str] = ConcurrentFuture()
    concurrent.set_result("there")
    assert_type(await asyncio.wrap_future(concurrent), str)


async def main() -> int:
    await tasks()
    try:
        await futures()
    except asyncio.InvalidStateError:
        await other_threads()
    return await number(3)


def run() -> None:
    assert_type(asyncio.run(main()), int)
    with asyncio.Runner(debug=False, loop_factory=asyncio.new_event_loop) as runner:
        assert_type(runner, asyncio.Runner)
        assert_type(runner.run(text(), context=contextvars.copy_context()), str)
        loop: asyncio.AbstractEventLoop = runner.get_loop()
        if sys.version_info >= (3, 12):
            loop.set_task_factory(asyncio.eager_task_factory)
        assert_type(runner.run(number(4)), int)
