"""What becomes of a background task, and what of its exception?"""

import asyncio
import contextvars
import gc
import threading

import pytest
from aioxide.patterns import BackgroundScope, background


async def fail(error=None):
    raise error or ValueError("spam")


def test_it_returns_the_task(run):
    async def main():
        async def work():
            return 42

        task = background(work(), name="worker")
        assert isinstance(task, asyncio.Task)
        assert task.get_name() == "worker"
        return await task

    assert run(main()) == 42


def test_it_is_kept_alive(run):
    async def main():
        ended = []

        async def work():
            # Nothing but the future that it waits for refers to the task, and the other way
            # round: together they could be collected.
            await asyncio.get_running_loop().create_future()

        async def waiting():
            try:
                await work()
            finally:
                ended.append(True)

        async with BackgroundScope(cancel=True):
            background(waiting())
            await asyncio.sleep(0)
            gc.collect()
            await asyncio.sleep(0)
            assert ended == []
        assert ended == [True]

    run(main())


def test_it_runs_in_the_given_context(run):
    variable = contextvars.ContextVar("variable", default="outside")

    async def main():
        context = contextvars.copy_context()
        context.run(variable.set, "inside")

        async def work():
            return variable.get()

        return await background(work(), context=context)

    assert run(main()) == "inside"


def test_a_failure_is_reported_while_the_task_is_still_held(run, reported, settle):
    async def main():
        task = background(fail(), name="worker")
        await settle()
        context = reported.take_one()
        assert context["task"] is task
        assert context["exception"] is task.exception()
        assert context["message"] == "Exception in background task 'worker'"
        with pytest.raises(ValueError, match="spam"):
            await task

    run(main())


@pytest.mark.parametrize(
    "wait",
    [
        lambda task: task,
        lambda task: asyncio.wait_for(task, 5),
        lambda task: asyncio.gather(task),
        lambda task: asyncio.shield(task),
        lambda task: next(iter(asyncio.as_completed([task]))),
    ],
)
def test_a_failure_that_somebody_waits_for_is_not_reported(run, reported, settle, wait):
    async def main():
        with pytest.raises(ValueError, match="spam"):
            await wait(background(fail()))
        await settle()

    run(main())


def test_a_failure_that_is_asked_for_behind_wait_is_not_reported(run, reported, settle):
    async def main():
        (task,), _ = await asyncio.wait([background(fail())])
        assert str(task.exception()) == "spam"
        await settle()

    run(main())


def test_cancelled_is_no_failure(run, reported, settle):
    async def main():
        task = background(asyncio.sleep(3600))
        await settle()
        task.cancel()
        await settle()
        assert task.cancelled()

    run(main())


def test_what_is_no_coroutine(run):
    async def main():
        with pytest.raises(TypeError, match="a coroutine was expected, got 42"):
            background(42)

    run(main())


def test_a_loop_that_was_closed_too_early_keeps_nothing(new_loop):
    from importlib import import_module

    kept = import_module("aioxide.patterns.background")._kept
    loop = new_loop()

    async def main():
        background(asyncio.sleep(3600))

    async def other():
        await background(asyncio.sleep(0))

    loop.run_on_clock(main())
    (task,) = kept[loop]
    task._log_destroy_pending = False
    task.get_coro().close()
    del task
    loop.close()
    new_loop().run_on_clock(other())
    assert loop not in kept


def test_a_scope_waits_for_all_of_them(run, loop):
    async def main():
        start, ended = loop.time(), []

        async def work(seconds):
            await asyncio.sleep(seconds)
            ended.append(seconds)
            if seconds < 3:
                background(work(seconds + 1))

        async def deep():
            background(work(1))

        async with BackgroundScope() as scope:
            await deep()
            await asyncio.create_task(deep())
            assert "open, tasks:2" in repr(scope)
        assert "closed, tasks:0" in repr(scope)
        assert loop.time() - start == 6
        return ended

    assert run(main()) == [1, 1, 2, 2, 3, 3]


def test_a_scope_of_none(run):
    async def main():
        async with BackgroundScope():
            pass

    run(main())


@pytest.mark.parametrize("moment", ["at the end", "by an exception", "while it waits"])
def test_a_scope_cancels_all_of_them(run, loop, settle, moment):
    async def main():
        start, ended = loop.time(), []

        async def clean_up():
            await asyncio.sleep(3600)

        async def work(number):
            try:
                await asyncio.sleep(3600)
            finally:
                background(clean_up())
                await asyncio.sleep(1)
                ended.append(number)

        async def scoped():
            async with BackgroundScope(cancel=moment == "at the end"):
                background(work(1))
                background(work(2))
                await settle()
                if moment == "by an exception":
                    raise KeyError("body")

        task = asyncio.create_task(scoped())
        await settle()
        await settle()
        if moment == "while it waits":
            task.cancel()
        (result,) = await asyncio.gather(task, return_exceptions=True)
        assert loop.time() - start == 1
        assert ended == [1, 2]
        return type(result)

    assert (
        run(main())
        is {
            "at the end": type(None),
            "by an exception": KeyError,
            "while it waits": asyncio.CancelledError,
        }[moment]
    )


def test_a_scope_reports_failures_before_it_ends(run, reported):
    async def main():
        async with BackgroundScope():
            background(fail())
            background(asyncio.sleep(1))
        assert reported.take_one()["exception"].args == ("spam",)

    run(main())


def test_the_innermost_scope_counts(run, loop):
    async def main():
        start = loop.time()
        async with BackgroundScope():
            background(asyncio.sleep(10))
            async with BackgroundScope():
                background(asyncio.sleep(1))
            assert loop.time() - start == 1
        assert loop.time() - start == 10

    run(main())


def test_what_outlives_a_scope_belongs_to_the_one_around_it(run, loop):
    async def main():
        start = loop.time()

        async def straggler():
            await asyncio.sleep(5)
            background(asyncio.sleep(5))

        async with BackgroundScope():
            async with BackgroundScope():
                task = asyncio.create_task(straggler())
            await task
        return loop.time() - start

    assert run(main()) == 10


def test_a_scope_does_not_reach_into_other_threads(run, new_loop):
    other = new_loop()

    async def elsewhere():
        task = background(asyncio.sleep(1))
        await task

    async def main():
        async with BackgroundScope() as scope:
            context = contextvars.copy_context()
            thread = threading.Thread(target=context.run, args=(other.run_on_clock, elsewhere()))
            thread.start()
            thread.join()
            assert "tasks:0" in repr(scope)

    run(main())


def test_a_scope_is_entered_once(run):
    async def main():
        scope = BackgroundScope()
        async with scope:
            pass
        with pytest.raises(RuntimeError, match="has already been entered"):
            await scope.__aenter__()

    run(main())
