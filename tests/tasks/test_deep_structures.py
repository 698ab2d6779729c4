"""Tasks and futures that wait for one another in circles, and very deep."""

import asyncio
import gc

import pytest

DEEP = 5_000


@pytest.fixture(params=["Task", "subclass"])
def TaskClass(request, Task):
    """The class of the tasks: the native one, and one that Python code is asked about."""
    if request.param == "Task":
        return Task

    class Subclass(Task):
        pass

    return Subclass


@pytest.fixture
def abandoned(loop_factory):
    """A loop that is closed without ending its tasks; and a list for these."""
    loop, tasks = loop_factory(), []
    yield loop, tasks
    for task in tasks:
        task._log_destroy_pending = False
        task.get_coro().close()
    del task
    tasks.clear()
    gc.collect()
    loop.close()


def run_once(loop):
    loop.call_soon(loop.stop)
    loop.run_forever()


@pytest.mark.parametrize("count", [2, 3, 7])
def test_cancelling_a_circle_is_a_recursion_error(abandoned, TaskClass, count):
    loop, tasks = abandoned

    async def wait_for_next(number):
        await tasks[(number + 1) % count]

    for number in range(count):
        tasks.append(TaskClass(wait_for_next(number), loop=loop))
    run_once(loop)
    with pytest.raises(RecursionError):
        tasks[0].cancel()


def test_cancelling_what_leads_to_a_circle_is_a_recursion_error(abandoned, Task):
    loop, tasks = abandoned

    async def wait_for(number):
        await tasks[number]

    for number in (1, 2, 3, 4, 5, 3):
        tasks.append(Task(wait_for(number), loop=loop))
    run_once(loop)
    with pytest.raises(RecursionError):
        tasks[0].cancel()


def test_run_that_leaves_a_circle_ends_with_a_recursion_error(kind, run_script):
    # In an interpreter of its own: the tasks are reported when it goes.
    script = f"""
        import {kind} as A

        async def main():
            async def a(): await tb
            async def b(): await ta
            ta = A.create_task(a()); tb = A.create_task(b())
            await A.sleep(0)

        try:
            A.run(main())
        except RecursionError:
            print("RecursionError")
    """
    ended = run_script(script)
    assert (ended.returncode, ended.stdout) == (0, "RecursionError\n")


def test_a_chain_of_tasks_is_cancelled_from_its_end_or_refused(loop, Task, turn):
    future = loop.create_future()
    awaited = future
    tasks = []

    async def wait_for(awaited):
        await awaited

    for _ in range(3_000):
        tasks.append(Task(wait_for(awaited), loop=loop))
        awaited = tasks[-1]
    turn()
    try:
        assert tasks[-1].cancel()
    except RecursionError:
        future.cancel()
    assert future.cancelled()
    while not tasks[-1].done():
        turn()
    assert all(task.cancelled() for task in tasks)


def test_nested_gathers_are_cancelled_or_refused(api, loop, turn):
    async def main():
        future = loop.create_future()
        gathered = [api.gather(future)]
        for _ in range(3_000):
            gathered.append(api.gather(gathered[-1]))
        try:
            assert gathered[-1].cancel()
        except RecursionError:
            future.cancel()
        return future, gathered

    future, gathered = loop.run_until_complete(main())
    assert future.cancelled()
    while not gathered[-1].done():
        turn()
    for it in gathered:
        with pytest.raises(api.CancelledError):
            it.result()


def test_gathers_and_tasks_in_turns_are_cancelled_or_refused(api, loop, turn):
    async def wait_for(awaited):
        await awaited

    async def main():
        future = loop.create_future()
        inner = future
        for _ in range(1_500):
            inner = api.gather(api.create_task(wait_for(inner)))
        await api.sleep(0)
        try:
            assert inner.cancel()
        except RecursionError:
            future.cancel()
        return future, inner

    future, gathered = loop.run_until_complete(main())
    assert future.cancelled()
    while not gathered.done():
        turn()
    with pytest.raises(api.CancelledError):
        gathered.result()


def test_nested_shields_are_left_one_by_one(api, loop, turn):
    async def main():
        future = loop.create_future()
        shield = future
        for _ in range(DEEP):
            shield = api.shield(shield)
        shield.cancel()
        await api.sleep(0)
        await api.sleep(0)
        assert not future.done()
        future.set_result(None)
        return shield

    shield = loop.run_until_complete(main())
    assert shield.cancelled()
    del shield
    turn(2)


def test_a_deep_chain_of_futures_has_a_representation_or_is_refused(loop):
    future = loop.create_future()
    for _ in range(3_000):
        outer = loop.create_future()
        outer.set_result(future)
        future = outer
    try:
        assert repr(future).startswith("<Future finished")
    except RecursionError:
        pass


def test_a_circle_of_futures_has_a_representation(loop):
    one, other = loop.create_future(), loop.create_future()
    one.set_result(other)
    other.set_result(one)
    assert repr(one) == "<Future finished result=<Future finished result=...>>"


def test_tasks_in_a_circle_have_a_representation(abandoned, Task):
    loop, tasks = abandoned

    async def wait_for_other(number):
        await tasks[1 - number]

    tasks += [Task(wait_for_other(0), loop=loop), Task(wait_for_other(1), loop=loop)]
    run_once(loop)
    assert repr(tasks[0]).count("wait_for=") == 2


def circle_of_gathers(api, loop, tasks):
    async def wait_for_next(number):
        await api.gather(tasks[1 - number])

    tasks += [loop.create_task(wait_for_next(0)), loop.create_task(wait_for_next(1))]


def circle_of_deadlines(api, loop, tasks):
    async def wait_for_next(number):
        await api.wait_for(tasks[1 - number], None)

    tasks += [loop.create_task(wait_for_next(0)), loop.create_task(wait_for_next(1))]


def circle_of_kinds(api, loop, tasks):
    class Subclass(api.Task):
        pass

    async def wait_for_next(number):
        await tasks[(number + 1) % 3]

    kinds = (api.Task, Subclass, asyncio.tasks._PyTask)
    tasks += [kind(wait_for_next(number), loop=loop) for number, kind in enumerate(kinds)]


@pytest.mark.parametrize("make", [circle_of_gathers, circle_of_deadlines, circle_of_kinds])
def test_cancelling_any_circle_is_a_recursion_error(api, abandoned, make):
    loop, tasks = abandoned
    make(api, loop, tasks)
    run_once(loop)
    run_once(loop)
    with pytest.raises(RecursionError):
        tasks[0].cancel()
