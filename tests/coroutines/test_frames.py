"""What do those see who look for the frames of a coroutine that waits in asyncio's functions?"""

import asyncio
import inspect
import io
import sys

import pytest


@pytest.fixture
def waiting(loop, turn, api):
    """A started task that waits for an empty queue, two coroutines in; ended after the test."""
    queue = api.Queue()

    async def inner():
        return await queue.get()

    async def outer():
        return await inner()

    task = loop.create_task(outer())
    turn()
    yield task
    task.cancel()
    turn()


def names_along(coroutine):
    names = []
    while hasattr(coroutine, "cr_await"):
        names.append(coroutine.cr_frame.f_code.co_name)
        coroutine = coroutine.cr_await
    return names


def test_every_coroutine_on_the_way_has_a_frame(waiting):
    assert names_along(waiting.get_coro()) == ["outer", "inner", "get"]


def test_a_frame_names_its_function_in_full(waiting):
    coroutine = waiting.get_coro().cr_await.cr_await
    assert coroutine.cr_frame.f_code.co_qualname == "Queue.get"
    assert coroutine.cr_frame.f_back is None


def test_the_state_of_a_coroutine(loop, turn, api):
    coroutine = api.Event().wait()
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED
    task = loop.create_task(coroutine)
    turn()
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_SUSPENDED
    task.cancel()
    turn()
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED
    assert coroutine.cr_frame is None
    assert coroutine.cr_await is None


def test_the_stack_of_a_task_of_such_a_coroutine(loop, turn, api):
    task = loop.create_task(api.Event().wait())
    turn()
    (frame,) = task.get_stack()
    assert frame.f_code.co_name == "wait"
    text = io.StringIO()
    task.print_stack(file=text)
    assert text.getvalue().startswith("Stack for <Task pending name=")
    assert ", in wait\n" in text.getvalue()
    task.cancel()
    turn()
    assert task.get_stack() == []


def test_a_task_group_that_waits_for_its_tasks(loop, turn, api):
    released = loop.create_future()

    async def child():
        await released

    async def main():
        async with api.TaskGroup() as group:
            group.create_task(child())

    task = loop.create_task(main())
    turn()
    names = names_along(task.get_coro())
    assert names[:2] == ["main", "__aexit__"]
    if sys.version_info >= (3, 14):
        assert names == ["main", "__aexit__", "_aexit"]
    released.set_result(None)
    loop.run_until_complete(task)


@pytest.mark.skipif(sys.version_info < (3, 13), reason="an iterator from 3.13 on")
def test_an_async_iteration_over_what_is_completed(loop, turn, api):
    async def main():
        async for _ in api.as_completed([loop.create_future()]):
            pass

    task = loop.create_task(main())
    turn()
    assert names_along(task.get_coro()) == ["main", "__anext__", "_wait_for_one", "get"]
    task.cancel()
    turn()


def test_a_wait_for_several(loop, turn, api):
    task = loop.create_task(api.wait([loop.create_future()]))
    turn()
    assert names_along(task.get_coro()) == ["wait", "_wait"]
    task.cancel()
    turn()


@pytest.mark.skipif(sys.version_info < (3, 14), reason="call graphs came with 3.14")
def test_the_call_graph_of_a_task(loop, waiting):
    graph = asyncio.capture_call_graph(waiting)
    names = [entry.frame.f_code.co_name for entry in graph.call_stack]
    assert names == ["get", "inner", "outer"]


@pytest.mark.skipif(sys.version_info < (3, 14), reason="call graphs came with 3.14")
def test_the_printed_call_graph_of_a_task(loop, waiting):
    text = asyncio.format_call_graph(waiting)
    assert ", in async Queue.get()\n" in text
    assert text.index("Queue.get()") < text.index("inner()") < text.index("outer()")
