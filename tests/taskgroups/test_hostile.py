"""Groups that are given another class, initialised twice or never, or used by what comes back."""

import asyncio
import gc

import pytest


def attempt(function, *arguments):
    try:
        return function(*arguments)
    except BaseException as error:
        return type(error)


async def child(steps, error=None):
    for _ in range(steps):
        await asyncio.sleep(0)
    if error:
        raise error


async def class_assigned(api, back, fails):
    noted = []

    class Mine(api.TaskGroup):
        __slots__ = ()

        def _abort(self):
            noted.append("abort")
            api.TaskGroup._abort(self)

        def _on_task_done(self, task):
            noted.append("done")
            api.TaskGroup._on_task_done(self, task)

    try:
        async with api.TaskGroup() as group:
            group.create_task(child(2, KeyError() if fails else None))
            group.create_task(child(4))
            group.__class__ = Mine
            group.create_task(child(1))
            await asyncio.sleep(0)
            if back:
                group.__class__ = api.TaskGroup
                group.create_task(child(0))
    except BaseExceptionGroup as errors:
        noted.append([type(error) for error in errors.exceptions])
    return noted


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("back", [False, True])
def test_the_class_is_changed_while_children_run(run, api, back, fails):
    seen = run(class_assigned(api, back, fails))
    assert seen == asyncio.run(class_assigned(asyncio, back, fails))


def test_the_class_is_changed_in_debug_mode(run, loop, api):
    loop.set_debug(True)
    expected = asyncio.run(class_assigned(asyncio, False, True), debug=True)
    assert run(class_assigned(api, False, True)) == expected


async def use_before_init(api):
    seen = []
    for name in ("__aenter__", "__aexit__", "__repr__", "create_task", "_abort"):
        group = api.TaskGroup.__new__(api.TaskGroup)
        coroutine = child(0)
        arguments = {"__aexit__": [None] * 3, "create_task": [coroutine]}.get(name, [])
        result = attempt(getattr(group, name), *arguments)
        if hasattr(result, "__await__"):
            try:
                result = await result
            except Exception as error:
                result = type(error)
        coroutine.close()
        seen.append((name, result))
    for name in ("_entered", "_tasks", "_exiting", "_aborting"):
        seen.append((name, attempt(getattr, api.TaskGroup.__new__(api.TaskGroup), name)))
    return seen


def test_use_before_init(run, api):
    assert run(use_before_init(api)) == asyncio.run(use_before_init(asyncio))


async def init_twice(api, when):
    seen = []

    async def work():
        group = api.TaskGroup()
        async with group:
            group.create_task(child(4))
            if when == "in the block":
                group.__init__()
                seen.append(repr(group))
                seen.append(attempt(group.create_task, never))
            elif when == "at the end":
                asyncio.get_running_loop().call_soon(group.__init__)
        seen.append(repr(group))

    never = child(0)
    task = asyncio.ensure_future(work())
    done, _ = await asyncio.wait([task], timeout=0.02)
    seen.append(bool(done))
    task.cancel()
    await asyncio.wait([task])
    seen.append(task.cancelled() or type(task.exception()))
    never.close()
    await asyncio.sleep(0)
    return seen


@pytest.mark.parametrize("when", ["in the block", "at the end"])
def test_init_a_second_time(run, api, when):
    assert run(init_twice(api, when)) == asyncio.run(init_twice(asyncio, when))


async def errors_that_come_back(api, how):
    seen = []

    class Error(Exception):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            seen.append("made")

        def __del__(self):
            seen.append("dropped")
            if how == "create":
                coroutine = child(0)
                seen.append(type(attempt(group.create_task, coroutine)).__name__)
                coroutine.close()
            elif how == "init":
                group.__init__()
            elif how == "abort":
                group._abort()

    async def fail():
        raise Error

    group = api.TaskGroup()
    try:
        async with group:
            group.create_task(child(3))
            group.create_task(fail())
            group.create_task(fail())
            await asyncio.sleep(0)
    except BaseException as error:
        seen.append(type(error).__name__)
        del error
    gc.collect()
    return seen.count("made"), "ExceptionGroup" in seen


@pytest.mark.parametrize("how", ["nothing", "create", "init", "abort"])
def test_errors_that_come_back(run, api, how):
    assert run(errors_that_come_back(api, how)) == asyncio.run(errors_that_come_back(asyncio, how))


async def throw_at_each_point(api, error):
    seen = []
    for steps in range(4):

        async def work(steps=steps):
            async with api.TaskGroup() as group:
                group.create_task(child(5))
                await child(steps)

        coroutine = work()
        steps = 0
        task = asyncio.ensure_future(work())
        for _ in range(steps + 1):
            await asyncio.sleep(0)
            steps += 1
        if error is asyncio.CancelledError:
            task.cancel()
        else:
            task.cancel(error())
        await asyncio.wait([task])
        seen.append((steps, task.cancelled()))
        coroutine.close()
    return seen


@pytest.mark.parametrize("error", [asyncio.CancelledError, KeyError, GeneratorExit])
def test_a_cancellation_at_each_point(run, api, error):
    assert run(throw_at_each_point(api, error)) == asyncio.run(throw_at_each_point(asyncio, error))
