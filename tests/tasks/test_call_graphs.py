"""Who awaits whom: what call graphs are made of (Python 3.14)."""

import asyncio
import gc
import sys
import weakref
from _asyncio import Future as StandardFuture

import pytest

pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 14), reason="call graphs came with Python 3.14"
)


async def wait_for(future):
    return await future


def names(future):
    """The names of the tasks that await ``future``."""
    return {task.get_name() for task in future._asyncio_awaited_by or ()}


def shape(graph):
    """A call graph as ``(name, functions, [shape, ...])``; a plain future has no name."""
    name = graph.future.get_name() if isinstance(graph.future, asyncio.Task) else None
    functions = [entry.frame.f_code.co_name for entry in graph.call_stack]
    return name, functions, [shape(parent) for parent in graph.awaited_by]


@pytest.fixture
def future(loop):
    return loop.create_future()


def test_nobody_awaits_a_new_future_or_task(loop, future, turn):
    assert future._asyncio_awaited_by is None
    task = loop.create_task(wait_for(future))
    assert task._asyncio_awaited_by is None
    turn()
    future.set_result(None)
    turn(2)


def test_a_task_is_recorded_while_it_awaits(loop, future, turn):
    task = loop.create_task(wait_for(future))
    turn()
    awaited_by = future._asyncio_awaited_by
    assert type(awaited_by) is frozenset
    assert awaited_by == {task}
    future.set_result(None)
    assert future._asyncio_awaited_by == {task}
    turn()
    assert task.done()
    assert future._asyncio_awaited_by is None


def test_several_tasks_await_one_future(loop, future, turn):
    tasks = {loop.create_task(wait_for(future)) for _ in range(3)}
    turn()
    assert future._asyncio_awaited_by == tasks
    future.set_result(None)
    turn()
    assert future._asyncio_awaited_by == frozenset()


def test_one_of_several_is_cancelled(loop, future, turn):
    async def wait_shielded():
        await asyncio.shield(future)

    tasks = [loop.create_task(wait_shielded()) for _ in range(2)]
    turn()
    assert future._asyncio_awaited_by == set(tasks)
    tasks[0].cancel()
    turn(2)
    assert future._asyncio_awaited_by == {tasks[1]}
    future.set_result(None)
    turn(3)
    assert tasks[1].done()
    assert not future._asyncio_awaited_by


def test_a_failure_and_a_cancellation_end_it_as_well(loop, turn):
    for finish in (lambda it: it.set_exception(ValueError()), lambda it: it.cancel()):
        future = loop.create_future()
        task = loop.create_task(wait_for(future))
        turn()
        finish(future)
        turn()
        assert future._asyncio_awaited_by is None
        assert task.cancelled() or type(task.exception()) is ValueError


def test_a_task_awaits_a_task(loop, future, turn):
    inner = loop.create_task(wait_for(future))
    outer = loop.create_task(wait_for(inner))
    turn()
    assert inner._asyncio_awaited_by == {outer}
    assert future._asyncio_awaited_by == {inner}
    future.set_result(None)
    turn(3)


def test_an_instance_of_a_subclass_is_awaited(loop, Future, turn):
    class Own(Future):
        pass

    future = Own(loop=loop)
    task = loop.create_task(wait_for(future))
    turn()
    assert future._asyncio_awaited_by == {task}
    future.set_result(None)
    turn()
    assert future._asyncio_awaited_by is None


@pytest.mark.parametrize("how", ["gather", "wait", "shield", "wait_for", "group", "as_completed"])
def test_what_is_awaited_through_functions_of_asyncio(loop, future, turn, how):
    async def main():
        task = asyncio.current_task()
        task.set_name("main")
        if how == "gather":
            await asyncio.gather(future)
        elif how == "wait":
            await asyncio.wait([future])
        elif how == "shield":
            await asyncio.shield(future)
        elif how == "wait_for":
            await asyncio.wait_for(future, 3600)
        elif how == "group":
            async with asyncio.TaskGroup() as group:
                group.create_task(wait_for(future), name="child")
        else:
            for earliest in asyncio.as_completed([future]):
                await earliest

    main_task = loop.create_task(main())
    turn(2)
    assert names(future) == ({"child"} if how == "group" else {"main"})
    if how == "group":
        child = next(iter(future._asyncio_awaited_by))
        assert names(child) == {"main"}
    future.set_result(None)
    loop.run_until_complete(main_task)
    assert not future._asyncio_awaited_by


def test_the_graph_of_the_running_task(loop, run):
    graphs = []

    async def innermost():
        graphs.append(shape(asyncio.capture_call_graph()))

    async def inner():
        await innermost()

    async def main():
        asyncio.current_task().set_name("main")
        async with asyncio.TaskGroup() as group:
            group.create_task(inner(), name="inner")

    run(main())
    [(name, functions, [(parent, parent_functions, above)])] = graphs
    assert name == "inner"
    assert functions[-2:] == ["innermost", "inner"]
    assert parent == "main"
    assert parent_functions == ["_aexit", "__aexit__", "main"]
    assert above == []


def test_the_graph_of_a_task_that_waits(loop, future, turn):
    async def outer(task):
        await task

    inner = loop.create_task(wait_for(future), name="inner")
    task = loop.create_task(outer(inner), name="outer")
    turn()
    assert shape(asyncio.capture_call_graph(future)) == (
        None,
        [],
        [("inner", ["wait_for"], [("outer", ["outer"], [])])],
    )
    text = asyncio.format_call_graph(inner)
    assert "* Task(name='inner'" in text
    assert "+ Awaited by:" in text
    assert "* Task(name='outer'" in text
    assert "in async wait_for()" in text
    future.set_result(None)
    turn(3)
    assert task.done()


def test_the_record_can_be_made_by_hand(loop, future, turn):
    task = loop.create_task(wait_for(loop.create_future()), name="waits")
    other = loop.create_future()
    for waiter in (task, other, task):
        assert asyncio.future_add_to_awaited_by(future, waiter) is None
    assert future._asyncio_awaited_by == {task, other}
    assert asyncio.future_discard_from_awaited_by(future, other) is None
    assert future._asyncio_awaited_by == {task}
    # As with a set, nothing happens if it is not there.
    asyncio.future_discard_from_awaited_by(future, other)
    asyncio.future_discard_from_awaited_by(future, task)
    assert not future._asyncio_awaited_by
    turn()
    task.cancel()
    turn(2)


def test_what_is_no_future_is_not_recorded(loop, future):
    class Waiter:
        pass

    for waiter in (Waiter(), None, "text"):
        asyncio.future_add_to_awaited_by(future, waiter)
        asyncio.future_add_to_awaited_by(waiter, future)
        asyncio.future_discard_from_awaited_by(future, waiter)
        asyncio.future_discard_from_awaited_by(waiter, future)
    assert future._asyncio_awaited_by is None


def test_futures_of_the_standard_library_are_left_to_it(loop):
    first, second = StandardFuture(loop=loop), StandardFuture(loop=loop)
    asyncio.future_add_to_awaited_by(first, second)
    assert first._asyncio_awaited_by == {second}
    asyncio.future_discard_from_awaited_by(first, second)
    assert first._asyncio_awaited_by is None


def test_a_standard_future_that_is_awaited(loop, turn):
    future = StandardFuture(loop=loop)
    tasks = [loop.create_task(wait_for(future)) for _ in range(2)]
    turn()
    assert future._asyncio_awaited_by == set(tasks)
    future.set_result(None)
    turn()
    assert not future._asyncio_awaited_by
    watched = weakref.ref(future)
    del future
    gc.collect()
    assert watched() is None


def test_a_standard_future_may_be_the_one_that_waits(loop, future):
    waiter = StandardFuture(loop=loop)
    asyncio.future_add_to_awaited_by(future, waiter)
    assert future._asyncio_awaited_by == {waiter}


@pytest.mark.parametrize("count", [1, 3])
def test_what_is_on_record_can_be_collected(loop, Future, count):
    future = Future(loop=loop)
    others = [Future(loop=loop) for _ in range(count)]
    for other in others:
        asyncio.future_add_to_awaited_by(future, other)
        asyncio.future_add_to_awaited_by(other, future)
    watched = [weakref.ref(it) for it in (future, *others)]
    del future, others, other
    gc.collect()
    assert [ref() for ref in watched] == [None] * (count + 1)


def test_a_future_that_is_used_again_has_nobody_on_record(loop):
    for _ in range(3):
        first, second = loop.create_future(), loop.create_future()
        assert first._asyncio_awaited_by is None
        asyncio.future_add_to_awaited_by(first, second)
        del first, second
