"""What does wait_for() wait for, when does it give up, and what comes of it?"""

import asyncio
import decimal
import fractions
import gc
import math
import re
import sys
import weakref

import pytest

IN_PLACE = sys.version_info >= (3, 12)


class Awaitable:
    def __init__(self, value):
        self.value = value

    def __await__(self):
        yield from asyncio.sleep(0).__await__()
        return self.value


async def value_of(value, turns=0):
    for _ in range(turns):
        await asyncio.sleep(0)
    return value


async def failing(error, turns=0):
    for _ in range(turns):
        await asyncio.sleep(0)
    raise error


def new_future():
    return asyncio.get_running_loop().create_future()


@pytest.mark.parametrize("timeout", [None, 10, 10.5, math.inf, fractions.Fraction(10), True])
def test_the_result_of_anything_awaitable(run, api, timeout):
    async def main():
        future = new_future()
        asyncio.get_running_loop().call_soon(future.set_result, "future")
        assert await api.wait_for(future, timeout) == "future"
        assert await api.wait_for(future, timeout) == "future"
        assert await api.wait_for(value_of("at once"), timeout) == "at once"
        assert await api.wait_for(value_of("later", turns=3), timeout) == "later"
        assert await api.wait_for(asyncio.sleep(0, "asleep"), timeout) == "asleep"
        assert await api.wait_for(api.sleep(0.001, "native"), timeout) == "native"
        assert await api.wait_for(Awaitable("object"), timeout) == "object"
        task = asyncio.ensure_future(value_of("task", turns=2))
        assert await api.wait_for(task, timeout) == "task"
        nested = api.wait_for(api.wait_for(value_of("nested", turns=1), timeout), timeout)
        assert await nested == "nested"
        assert await api.wait_for(value_of((1, 2)), timeout) == (1, 2)
        assert asyncio.current_task().cancelling() == 0

    run(main())


@pytest.mark.parametrize("timeout", [None, 10])
@pytest.mark.parametrize("turns", [0, 2])
def test_the_exception_of_what_fails(run, api, timeout, turns):
    async def main():
        error = ZeroDivisionError("text")
        with pytest.raises(ZeroDivisionError) as caught:
            await api.wait_for(failing(error, turns), timeout)
        assert caught.value is error
        assert error.__cause__ is None and error.__context__ is None
        future = new_future()
        asyncio.get_running_loop().call_soon(future.set_exception, KeyError(1))
        with pytest.raises(KeyError):
            await api.wait_for(future, timeout)
        with pytest.raises(TimeoutError) as caught:
            await api.wait_for(failing(TimeoutError("its own"), turns), timeout)
        assert caught.value.args == ("its own",)

    run(main())


def test_time_is_up(run, api):
    async def main():
        future = new_future()
        with pytest.raises(TimeoutError) as caught:
            await api.wait_for(future, 0.001)
        assert future.cancelled()
        error = caught.value
        assert error.args == ()
        assert type(error.__cause__) is asyncio.CancelledError
        assert error.__context__ is error.__cause__
        assert error.__suppress_context__
        assert asyncio.current_task().cancelling() == 0
        await asyncio.sleep(0)

    run(main())


def test_what_is_cancelled_may_take_its_time(run, api):
    async def main():
        async def stubborn():
            try:
                await new_future()
            finally:
                await asyncio.sleep(0.002)
                order.append("cleaned up")

        order = []
        with pytest.raises(TimeoutError):
            await api.wait_for(stubborn(), 0.001)
        order.append("timed out")
        assert order == ["cleaned up", "timed out"]

    run(main())


def test_a_result_in_spite_of_the_cancellation_is_returned(run, api):
    async def main():
        async def stubborn():
            try:
                await new_future()
            except asyncio.CancelledError:
                return "all the same"

        assert await api.wait_for(stubborn(), 0.001) == "all the same"
        assert asyncio.current_task().cancelling() == 0
        await asyncio.sleep(0)

    run(main())


def test_another_exception_in_spite_of_the_cancellation_is_raised(run, api):
    async def main():
        async def angry():
            try:
                await new_future()
            finally:
                raise ZeroDivisionError("text")

        with pytest.raises(ZeroDivisionError, match="text") as caught:
            await api.wait_for(angry(), 0.001)
        context = caught.value.__context__
        # From 3.13 on, a TimeoutError stands before the cancellation.
        expected = TimeoutError if sys.version_info >= (3, 13) else asyncio.CancelledError
        assert type(context) is expected
        assert asyncio.current_task().cancelling() == 0

    run(main())


@pytest.mark.parametrize("timeout", [0, -1, -math.inf, 0.0, decimal.Decimal(0), False])
def test_no_time_at_all(run, api, timeout):
    async def main():
        async def nothing():
            started.append(True)

        started = []
        with pytest.raises(TimeoutError) as caught:
            await api.wait_for(nothing(), timeout)
        assert not started
        assert type(caught.value.__cause__) is asyncio.CancelledError
        assert caught.value.__context__ is caught.value.__cause__
        future = new_future()
        with pytest.raises(TimeoutError):
            await api.wait_for(future, timeout)
        assert future.cancelled()
        future = new_future()
        future.set_result("there already")
        assert await api.wait_for(future, timeout) == "there already"
        future = new_future()
        future.set_exception(KeyError())
        with pytest.raises(KeyError):
            await api.wait_for(future, timeout)
        with pytest.raises(TimeoutError):
            await api.wait_for(Awaitable(1), timeout)
        assert asyncio.current_task().cancelling() == 0

    run(main())


def test_no_time_at_all_for_what_has_begun(run, api):
    async def main():
        async def stubborn(result):
            try:
                await new_future()
            except asyncio.CancelledError:
                await asyncio.sleep(0)
                if isinstance(result, Exception):
                    raise result from None
                return result

        task = asyncio.ensure_future(stubborn("late"))
        await asyncio.sleep(0)
        assert await api.wait_for(task, 0) == "late"
        task = asyncio.ensure_future(stubborn(KeyError("late")))
        await asyncio.sleep(0)
        with pytest.raises(KeyError):
            await api.wait_for(task, 0)
        task = asyncio.ensure_future(stubborn("late"))
        await asyncio.sleep(0)
        waiting = asyncio.ensure_future(api.wait_for(task, 0))
        await asyncio.sleep(0)
        # Waiting for the end of what is cancelled can be cancelled itself.
        waiting.cancel("enough")
        with pytest.raises(asyncio.CancelledError, match="enough"):
            await waiting
        assert await task == "late"

    run(main())


@pytest.mark.parametrize("timeout", [None, 10])
def test_cancelling_the_wait_cancels_what_it_waits_for(run, api, timeout):
    async def main():
        async def inner():
            try:
                await new_future()
            except asyncio.CancelledError as error:
                seen.append(error.args)
                raise

        seen = []
        waiting = asyncio.ensure_future(api.wait_for(inner(), timeout))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        waiting.cancel("message")
        with pytest.raises(asyncio.CancelledError, match="message"):
            await waiting
        # A task of its own hears that it is cancelled, and not why.
        assert seen == [("message",)] if IN_PLACE or timeout is None else [()]
        future = new_future()
        waiting = asyncio.ensure_future(api.wait_for(future, timeout))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert future.cancelled()

    run(main())


def test_a_cancellation_that_comes_with_the_result(run, api):
    async def main():
        future = new_future()
        waiting = asyncio.ensure_future(api.wait_for(future, 10))
        await asyncio.sleep(0)
        future.set_result("result")
        waiting.cancel()
        try:
            return await waiting
        except asyncio.CancelledError:
            return "cancelled"

    assert run(main()) == ("cancelled" if IN_PLACE else "result")


def test_what_it_waits_for_is_cancelled_by_others(run, api):
    async def main():
        future = new_future()
        asyncio.get_running_loop().call_soon(future.cancel)
        with pytest.raises(asyncio.CancelledError):
            await api.wait_for(future, 10)
        task = asyncio.ensure_future(value_of(1, turns=5))
        await asyncio.sleep(0)
        task.cancel("by others")
        with pytest.raises(asyncio.CancelledError):
            await api.wait_for(task, 10)
        assert asyncio.current_task().cancelling() == 0

    run(main())


def test_a_shield_survives(run, api):
    async def main():
        async def awaits(future):
            return await future

        future = new_future()
        task = asyncio.ensure_future(awaits(future))
        with pytest.raises(TimeoutError):
            await api.wait_for(api.shield(task), 0.001)
        assert not task.done()
        future.set_result("done")
        assert await task == "done"

    run(main())


def test_the_outer_one_of_two_has_less_time(run, api):
    async def main():
        with pytest.raises(TimeoutError):
            await api.wait_for(api.wait_for(new_future(), 10), 0.001)
        with pytest.raises(TimeoutError):
            await api.wait_for(api.wait_for(new_future(), 0.001), 10)
        assert asyncio.current_task().cancelling() == 0

    run(main())


def test_in_which_turn_it_is_over(run, api):
    async def main():
        loop = asyncio.get_running_loop()
        order = []
        future = new_future()

        async def waits():
            await api.wait_for(future, 10)
            order.append("wait_for")

        task = loop.create_task(waits())
        for _ in range(3):
            await asyncio.sleep(0)
        future.set_result(None)
        for turn in range(3):
            loop.call_soon(order.append, turn)
            await asyncio.sleep(0)
        await task
        return order

    # Up to 3.11 a callback gives the result to a waiter of its own.
    assert run(main()) == (["wait_for", 0, 1, 2] if IN_PLACE else [0, "wait_for", 1, 2])


def test_a_coroutine_that_does_not_wait_costs_no_turn(run, api):
    async def main():
        turns = []
        asyncio.get_running_loop().call_soon(turns.append, 1)
        assert await api.wait_for(value_of(1), None) == 1
        assert not turns
        await api.wait_for(value_of(1), 10)
        assert len(turns) == (0 if IN_PLACE else 1)

    run(main())


def test_what_cannot_be_awaited(run, api):
    async def main():
        for timeout in (None, 10):
            for wrong in (3, None, "text"):
                with pytest.raises(TypeError):
                    await api.wait_for(wrong, timeout)
        with pytest.raises(TypeError, match="An asyncio.Future, a coroutine or an awaitable"):
            await api.wait_for(3, 0)
        with pytest.raises(TypeError):
            await api.wait_for(new_future(), "soon")
        assert asyncio.current_task().cancelling() == 0

    run(main())


@pytest.mark.skipif(not IN_PLACE, reason="up to 3.11 awaitables become tasks")
def test_the_interpreter_s_words_for_what_cannot_be_awaited(run, api):
    class NoIterator:
        def __await__(self):
            return 3

    class GivesCoroutine:
        def __await__(self):
            return coroutine

    async def error_of(awaiting):
        try:
            await awaiting
        except (TypeError, RuntimeError) as error:
            return type(error), str(error)

    async def plain(awaitable):
        await awaitable

    async def main():
        for wrong in (3, NoIterator(), GivesCoroutine(), list):
            expected = await error_of(plain(wrong))
            assert await error_of(api.wait_for(wrong, 10)) == expected
            assert await error_of(api.wait_for(wrong, None)) == expected
        # One coroutine, awaited by two.
        shared = value_of(1, turns=3)
        first = asyncio.ensure_future(plain(shared))
        await asyncio.sleep(0)
        expected = RuntimeError, "coroutine is being awaited already"
        assert await error_of(api.wait_for(shared, 10)) == expected
        await first
        expected = RuntimeError, "cannot reuse already awaited coroutine"
        assert await error_of(api.wait_for(shared, 10)) == expected

    coroutine = value_of(1)
    run(main())
    coroutine.close()


def test_a_future_of_another_loop(run, api, new_loop):
    async def main():
        with pytest.raises((RuntimeError, ValueError), match="different loop"):
            await api.wait_for(future, 10)

    future = new_loop().create_future()
    run(main())


@pytest.mark.skipif(not IN_PLACE, reason="up to 3.11 it is a task that waits")
def test_it_needs_a_task(loop, api):
    errors = []

    def drive():
        coroutine = value_of(1)
        with pytest.raises(RuntimeError, match="^Timeout should be used inside a task$"):
            api.wait_for(coroutine, 10).send(None)
        coroutine.close()
        errors.append(True)
        loop.stop()

    loop.call_soon(drive)
    loop.run_forever()
    assert errors


def test_it_needs_a_running_loop(api):
    coroutine = value_of(1)
    waiting = api.wait_for(coroutine, 10)
    assert asyncio.iscoroutine(waiting)
    assert waiting.__name__ == waiting.__qualname__ == "wait_for"
    with pytest.raises(RuntimeError, match="^no running event loop$"):
        waiting.send(None)
    coroutine.close()


@pytest.mark.parametrize(
    ("arguments", "options", "text"),
    [
        ((), {}, "missing 2 required positional arguments: 'fut' and 'timeout'"),
        ((1,), {}, "missing 1 required positional argument: 'timeout'"),
        ((), {"timeout": 1}, "missing 1 required positional argument: 'fut'"),
        ((1, 2, 3), {}, "takes 2 positional arguments but 3 were given"),
        ((1, 2), {"fut": 1}, "got multiple values for argument 'fut'"),
        ((1, 2), {"loop": 1}, "got an unexpected keyword argument 'loop'"),
    ],
)
def test_wrong_calls(api, arguments, options, text):
    with pytest.raises(TypeError, match=f"^{re.escape('wait_for() ' + text)}"):
        api.wait_for(*arguments, **options)


def test_arguments_by_name(run, api):
    async def main():
        return await api.wait_for(timeout=10, fut=value_of("by name"))

    assert run(main()) == "by name"


def test_a_wait_that_is_closed_closes_what_it_waits_for(run, api):
    async def main():
        async def inner():
            try:
                await new_future()
            finally:
                closed.append(True)

        closed = []
        waiting = api.wait_for(inner(), None)
        waiting.send(None)
        waiting.close()
        assert closed == [True]

    run(main())


def test_it_shows_what_it_awaits(run, api):
    async def main():
        inner = value_of(1, turns=2)
        waiting = api.wait_for(inner, None)
        task = asyncio.ensure_future(waiting)
        await asyncio.sleep(0)
        assert waiting.cr_await is inner
        await task

    run(main())


@pytest.mark.skipif(sys.version_info < (3, 14), reason="call graphs are of 3.14")
def test_call_graphs_show_who_waits(run, api):
    async def main():
        future = new_future()
        waiting = asyncio.ensure_future(api.wait_for(future, 10))
        await asyncio.sleep(0)
        assert future._asyncio_awaited_by == {waiting}
        future.set_result(None)
        await waiting
        assert not future._asyncio_awaited_by

    run(main())


def test_a_cycle_through_it_is_collected(loop, api):
    class Holder:
        pass

    async def main():
        holder = Holder()
        future = new_future()
        holder.wait = api.wait_for(future, None)
        future.holder = holder
        holder.wait.send(None)
        reference = weakref.ref(holder)
        del holder, future
        gc.collect()
        return reference()

    assert loop.run_until_complete(main()) is None


def test_many_that_are_in_time_leave_no_timers(loop, run, api):
    async def main():
        for _ in range(1000):
            await api.wait_for(asyncio.sleep(0), 3600)

    run(main())
    reference = weakref.ref(main)
    del main
    gc.collect()
    assert reference() is None
