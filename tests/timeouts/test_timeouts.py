"""When does a timeout cancel what is inside, and what leaves the block then?"""

import asyncio
import decimal
import gc
import math
import sys
import weakref

import pytest


def test_a_block_that_is_in_time_is_left_alone(run, api):
    async def main():
        async with api.timeout(10) as scope:
            assert not scope.expired()
            assert await asyncio.sleep(0, "done") == "done"
        assert not scope.expired()
        assert repr(scope) == "<Timeout [finished]>"
        assert asyncio.current_task().cancelling() == 0

    run(main())


@pytest.mark.parametrize("delay", [0.001, 0, -5, -math.inf])
def test_a_block_that_is_late_ends_with_a_timeout_error(run, api, delay):
    async def main():
        with pytest.raises(TimeoutError) as caught:
            async with api.timeout(delay) as scope:
                await asyncio.get_running_loop().create_future()
        assert scope.expired()
        assert repr(scope) == "<Timeout [expired]>"
        error = caught.value
        assert type(error.__cause__) is asyncio.CancelledError
        assert error.__context__ is error.__cause__
        assert error.args == ()
        assert asyncio.current_task().cancelling() == 0
        await asyncio.sleep(0)  # nothing is left of the cancellation

    run(main())


@pytest.mark.parametrize("delay", [None, math.inf, math.nan])
def test_a_deadline_that_never_comes(run, api, delay):
    async def main():
        async with api.timeout(delay) as scope:
            for _ in range(3):
                await asyncio.sleep(0)
        return scope

    assert not run(main()).expired()


def test_what_is_over_already_cancels_at_the_next_turn(run, api):
    async def main():
        order = []
        asyncio.get_running_loop().call_soon(order.append, "before")
        with pytest.raises(TimeoutError):
            async with api.timeout(0):
                asyncio.get_running_loop().call_soon(order.append, "after")
                order.append("inside")
                await asyncio.sleep(0)
                order.append("not reached")
        return order

    assert run(main()) == ["inside", "before", "after"]


def test_the_deadline_is_shown_as_it_was_given(run, api):
    async def main():
        loop = asyncio.get_running_loop()
        when = int(loop.time()) + 20
        scope = api.timeout_at(when)
        assert scope.when() is when
        assert repr(scope) == "<Timeout [created]>"
        async with scope:
            assert repr(scope) == f"<Timeout [active] when={when}>"
            scope.reschedule(when + 0.12345)
            assert repr(scope) == f"<Timeout [active] when={round(when + 0.12345, 3)}>"
            scope.reschedule(None)
            assert scope.when() is None
            assert repr(scope) == "<Timeout [active] when=None>"
        before = loop.time()
        assert before + 7 <= api.timeout(7).when() <= loop.time() + 7
        assert type(api.timeout(7).when()) is float

    run(main())


def test_a_deadline_can_be_brought_forward_and_put_off(run, api):
    async def main():
        loop = asyncio.get_running_loop()
        async with api.timeout(0.001) as scope:
            scope.reschedule(loop.time() + 10)
            await asyncio.sleep(0.01)
        assert not scope.expired()
        with pytest.raises(TimeoutError):
            async with api.timeout(100) as scope:
                scope.reschedule(loop.time() - 1)
                scope.reschedule(loop.time() + 0.001)
                await loop.create_future()
        assert scope.expired()
        async with api.timeout(0) as scope:
            # It is ready to go off, and called off all the same.
            scope.reschedule(None)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        assert not scope.expired()

    run(main())


def test_rescheduling_out_of_season(run, api):
    async def main():
        scope = api.timeout(None)
        with pytest.raises(RuntimeError, match="^Timeout has not been entered$"):
            scope.reschedule(1)
        async with scope:
            pass
        with pytest.raises(RuntimeError, match="^Cannot change state of finished Timeout$"):
            scope.reschedule(1)
        with pytest.raises(TimeoutError):
            async with api.timeout(0) as scope:
                try:
                    await asyncio.sleep(1)
                finally:
                    assert repr(scope) == "<Timeout [expiring]>"
                    assert scope.expired()
                    message = "^Cannot change state of expiring Timeout$"
                    with pytest.raises(RuntimeError, match=message):
                        scope.reschedule(1)
        with pytest.raises(RuntimeError, match="^Cannot change state of expired Timeout$"):
            scope.reschedule(1)

    run(main())


def test_a_timeout_is_entered_once_and_in_a_task(run, api, loop):
    async def main():
        async with api.timeout(1) as scope:
            with pytest.raises(RuntimeError, match="^Timeout has already been entered$"):
                async with scope:
                    pass
        with pytest.raises(RuntimeError, match="^Timeout has already been entered$"):
            await scope.__aenter__()
        with pytest.raises(AssertionError):
            await scope.__aexit__(None, None, None)
        scope = api.timeout(1)
        outside = loop.create_future()

        def enter():
            try:
                scope.__aenter__().send(None)
            except RuntimeError as error:
                outside.set_result(error)

        loop.call_soon(enter)
        assert str(await outside) == "Timeout should be used inside a task"

    run(main())
    with pytest.raises(RuntimeError, match="^no running event loop$"):
        api.timeout(1)
    with pytest.raises(RuntimeError, match="^no running event loop$"):
        api.timeout_at(1).__aenter__().send(None)


def test_arguments_that_are_no_time(run, api):
    async def main():
        with pytest.raises(TypeError, match="unsupported operand type"):
            api.timeout("1")
        with pytest.raises(TypeError, match="unsupported operand type"):
            api.timeout(decimal.Decimal(1))
        with pytest.raises(TypeError, match="'<=' not supported between instances of 'str'"):
            async with api.timeout_at("soon"):
                pytest.fail("entered")
        for wrong in (api.timeout, api.timeout_at, api.Timeout):
            with pytest.raises(TypeError):
                wrong()

    run(main())


@pytest.mark.parametrize("number", [decimal.Decimal, lambda value: True and int(value)])
def test_a_deadline_may_be_any_number(run, api, number):
    async def main():
        loop = asyncio.get_running_loop()
        async with api.timeout_at(number(loop.time() + 20)) as scope:
            await asyncio.sleep(0)
        assert not scope.expired()
        with pytest.raises(TimeoutError):
            async with api.timeout_at(number(loop.time() - 20)):
                await asyncio.sleep(1)

    run(main())


def test_a_cancellation_from_elsewhere_goes_through(run, api):
    async def main():
        async def patient():
            async with api.timeout(10):
                await asyncio.sleep(10)

        task = asyncio.ensure_future(patient())
        await asyncio.sleep(0)
        task.cancel("enough")
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()

    run(main())


def test_a_cancellation_beside_the_timeout_wins(run, api):
    async def main():
        scopes = []

        async def patient():
            async with api.timeout(0) as scope:
                scopes.append(scope)
                await asyncio.sleep(10)

        task = asyncio.ensure_future(patient())
        await asyncio.sleep(0)
        # The timeout has gone off in the iteration that this runs in.
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises((asyncio.CancelledError, TimeoutError)) as caught:
            await task
        return caught.type, task.cancelling(), scopes[0].expired()

    kind, cancelling, expired = run(main())
    assert (kind, cancelling, expired) == (asyncio.CancelledError, 1, True)


def test_only_the_scope_that_is_late_tells_of_it(run, api):
    async def main():
        with pytest.raises(TimeoutError):
            async with api.timeout(0.001) as outer:
                async with api.timeout(10) as inner:
                    await asyncio.sleep(10)
        assert outer.expired() and not inner.expired()
        async with api.timeout(10) as outer:
            with pytest.raises(TimeoutError):
                async with api.timeout(0.001) as inner:
                    await asyncio.sleep(10)
            await asyncio.sleep(0)
        assert inner.expired() and not outer.expired()

    run(main())


def test_both_scopes_late_at_once(run, api):
    async def main():
        when = asyncio.get_running_loop().time() + 0.001
        with pytest.raises(TimeoutError):
            async with api.timeout_at(when) as outer:
                try:
                    async with api.timeout_at(when) as inner:
                        await asyncio.sleep(10)
                finally:
                    assert inner.expired()
        assert outer.expired()
        assert asyncio.current_task().cancelling() == 0

    run(main())


def test_a_block_that_swallows_the_cancellation(run, api):
    async def main():
        async with api.timeout(0) as scope:
            with pytest.raises(asyncio.CancelledError):
                await asyncio.sleep(10)
        assert scope.expired()
        assert asyncio.current_task().cancelling() == 0

    run(main())


def test_an_error_that_follows_from_the_cancellation(run, api):
    async def main():
        with pytest.raises(ZeroDivisionError) as caught:
            async with api.timeout(0):
                try:
                    await asyncio.sleep(10)
                finally:
                    1 / 0  # noqa: B018
        return caught.value.__context__

    context = run(main())
    if sys.version_info >= (3, 13):
        assert type(context) is TimeoutError
        assert type(context.__cause__) is asyncio.CancelledError
    else:
        assert type(context) is asyncio.CancelledError


def test_errors_of_a_group_that_follow_from_the_cancellation(run, api):
    async def main():
        with pytest.raises(ExceptionGroup) as caught:
            async with api.timeout(0):
                try:
                    await asyncio.sleep(10)
                except asyncio.CancelledError:
                    errors = []
                    try:
                        raise ValueError
                    except ValueError as error:
                        errors.append(error)
                    raise ExceptionGroup("several", errors) from None
        group = caught.value
        return type(group.__context__), type(group.exceptions[0].__context__)

    if sys.version_info >= (3, 13):
        assert run(main()) == (TimeoutError, TimeoutError)
    else:
        assert run(main()) == (asyncio.CancelledError, asyncio.CancelledError)


def test_deadlines_go_off_in_their_order(run, api):
    async def main():
        loop, order, scopes = asyncio.get_running_loop(), [], {}

        async def late(number):
            try:
                async with api.timeout(None) as scopes[number]:
                    await loop.create_future()
            except TimeoutError:
                order.append(number)

        waiting = asyncio.gather(*(late(number) for number in (3, 1, 2, 0)))
        await asyncio.sleep(0)
        # None has passed when the last is set, even where the machine is busy.
        start = loop.time() + 0.05
        for number, scope in scopes.items():
            scope.reschedule(start + number * 1e-6)
        await waiting
        return order

    assert run(main()) == [0, 1, 2, 3]


def test_many_scopes_leave_nothing_behind(run, api):
    async def main():
        for _ in range(2000):
            async with api.timeout(1000):
                pass
        gc.collect()
        return sum(isinstance(thing, api.Timeout) for thing in gc.get_objects())

    # Some called-off alarms may wait to be swept.
    assert run(main()) <= 210


def test_the_task_is_not_kept_by_a_called_off_alarm(run, api):
    async def main():
        async def scoped():
            async with api.timeout(1000):
                pass

        task = asyncio.ensure_future(scoped())
        await task
        reference = weakref.ref(task)
        del task
        await asyncio.sleep(0)
        gc.collect()
        return reference()

    assert run(main()) is None


def test_a_subclass_is_asked(run, api):
    calls = []

    class Derived(api.Timeout):
        def reschedule(self, when):
            calls.append(when)
            super().reschedule(when)

        def __init__(self, when, label):
            super().__init__(when)
            self.label = label

    async def main():
        with pytest.raises(TimeoutError):
            async with Derived(0, "late") as scope:
                assert scope.label == "late"
                await asyncio.sleep(1)
        assert scope.expired()

    run(main())
    assert calls == [0]


def test_on_a_loop_of_the_standard_library(api):
    async def main():
        async with api.timeout(10) as scope:
            await asyncio.sleep(0)
        assert not scope.expired()
        with pytest.raises(TimeoutError) as caught:
            async with api.timeout(0.001) as scope:
                await asyncio.sleep(10)
        assert type(caught.value.__cause__) is asyncio.CancelledError
        with pytest.raises(TimeoutError):
            async with api.timeout(0) as scope:
                await asyncio.sleep(10)
        async with api.timeout(0.001) as scope:
            scope.reschedule(None)
            await asyncio.sleep(0.005)
        assert not scope.expired()

    loop = asyncio.SelectorEventLoop()
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()


def test_private_attributes(run, api):
    async def main():
        scope = api.timeout_at(None)
        assert scope._state.value == "created"
        assert scope._when is None
        async with scope:
            assert scope._task is asyncio.current_task()
            assert scope._state.name == "ENTERED"
        assert scope._state.value == "finished"

    run(main())


def test_an_error_while_expiring_is_reported(run, api, reported):
    async def main():
        scope = api.timeout(None)
        async with scope:
            pass
        asyncio.get_running_loop().call_soon(scope._on_timeout)
        await asyncio.sleep(0)

    run(main())
    assert type(reported.take_one()["exception"]) is AssertionError


def test_debug_mode(run, api, loop):
    loop.set_debug(True)

    async def main():
        with pytest.raises(TimeoutError):
            async with api.timeout(0.001):
                await asyncio.sleep(10)
        async with api.timeout(10):
            await asyncio.sleep(0)

    run(main())
