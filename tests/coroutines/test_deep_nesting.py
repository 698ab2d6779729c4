"""Native coroutines that await native coroutines, as deep as a program has nested them."""

import gc
import warnings

import pytest


def nested(api, inner, depth, timeout=None):
    for _ in range(depth):
        inner = api.wait_for(inner, timeout)
    return inner


@pytest.fixture
def never_awaited():
    """Some are never reached, and asyncio says so of each."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        yield
        gc.collect()


async def attempt(awaitable):
    try:
        return await awaitable
    except RecursionError:
        return "too deep"


@pytest.mark.usefixtures("deep")
@pytest.mark.parametrize("depth", [500, 5_000, 50_000])
def test_a_step_through_nested_coroutines_ends_or_is_refused(api, run, never_awaited, depth):
    assert run(attempt(nested(api, api.sleep(0, "value"), depth))) in ("value", "too deep")


def test_a_wait_is_resumed_through_nested_coroutines(api, run):
    assert run(attempt(nested(api, api.sleep(0.001, "value"), 100))) == "value"


@pytest.mark.parametrize("depth", [100, 5_000])
def test_cancelling_goes_through_nested_coroutines(api, loop, run, never_awaited, depth):
    async def main():
        future = loop.create_future()
        task = api.create_task(attempt(nested(api, future, depth)))
        await api.sleep(0)
        if not task.done():
            task.cancel()
        try:
            return await task
        except api.CancelledError:
            return future.cancelled()

    assert run(main()) in (True, "too deep")


def test_nested_coroutines_are_closed(api, loop, run, never_awaited):
    async def main():
        future = loop.create_future()
        coroutine = nested(api, future, 100)
        assert coroutine.send(None) is future
        coroutine.close()
        future.cancel()

    run(main())


def test_the_bound_holds_on_a_thread_with_a_small_stack(run_script):
    # Only here: the interpreter itself overflows such a stack, up to 3.13.
    script = """
        import sys, threading, warnings
        import aioxide as A
        warnings.simplefilter("ignore")

        async def main():
            inner = A.sleep(0, "value")
            for _ in range(20_000):
                inner = A.wait_for(inner, None)
            try:
                print(await inner)
            except RecursionError:
                print("RecursionError")

        threading.stack_size(1 << 20)
        thread = threading.Thread(target=A.run, args=(main(),))
        thread.start(); thread.join()
    """
    ended = run_script(script)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout in ("value\n", "RecursionError\n")


def test_eager_tasks_start_one_another_until_that_is_too_deep(api, loop, run):
    if not hasattr(api, "eager_task_factory"):
        pytest.skip("no eager tasks before 3.12")
    loop.set_task_factory(api.eager_task_factory)
    deepest = 0

    async def start_another(depth):
        nonlocal deepest
        deepest = depth
        if depth < 3_000:
            await api.create_task(start_another(depth + 1))

    async def main():
        coroutine = start_another(0)
        try:
            await coroutine
        except RecursionError:
            return "too deep"

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        assert run(main()) in (None, "too deep")
        gc.collect()
    assert deepest > 50
