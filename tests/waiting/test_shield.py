"""What does shield() keep from whom, and who hears of exceptions then?"""

import asyncio
import gc
import sys
import weakref

import pytest


async def value_of(value, turns=0):
    for _ in range(turns):
        await asyncio.sleep(0)
    return value


async def failing(error, turns=0):
    for _ in range(turns):
        await asyncio.sleep(0)
    raise error


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


def new_future():
    return asyncio.get_running_loop().create_future()


@pytest.fixture(params=["own", "asyncio's"])
def future(request, api, loop):
    """A future of the loop, of either kind."""
    return (api if request.param == "own" else asyncio).Future(loop=loop)


def test_the_result_goes_through(run, api, future):
    async def main():
        outer = api.shield(future)
        assert outer is not future and asyncio.isfuture(outer)
        asyncio.get_running_loop().call_soon(future.set_result, "result")
        assert await outer == "result"
        assert await api.shield(value_of("coroutine")) == "coroutine"
        assert await api.shield(arg=value_of("later", turns=3)) == "later"
        task = asyncio.ensure_future(value_of("task"))
        assert await api.shield(task) == "task"

    run(main())


def test_the_exception_goes_through(run, api, future):
    async def main():
        outer = api.shield(future)
        error = ZeroDivisionError()
        future.set_exception(error)
        with pytest.raises(ZeroDivisionError) as caught:
            await outer
        assert caught.value is error

    run(main())


def test_what_is_done_is_given_back(run, api, future):
    async def main():
        future.set_result(1)
        assert api.shield(future) is future

    run(main())


def test_the_kind_of_what_it_returns(run, api, loop):
    async def main():
        future = new_future()
        assert type(api.shield(future)) is type(future)
        future.cancel()

    run(main())


def test_cancelling_the_outer_one_does_not_reach_the_inner(run, api, future):
    async def main():
        outer = api.shield(future)
        assert outer.cancel()
        assert outer.cancelled() and not future.cancelled()
        await asyncio.sleep(0)
        assert not future._callbacks
        future.set_result("in peace")
        assert await future == "in peace"

    run(main())


def test_cancelling_who_waits(run, api, future):
    async def main():
        async def waits():
            await api.shield(future)

        task = asyncio.ensure_future(waits())
        await asyncio.sleep(0)
        task.cancel("message")
        with pytest.raises(asyncio.CancelledError, match="message"):
            await task
        assert not future.done()

    run(main())


def test_cancelling_the_inner_one_cancels_the_outer(run, api, future):
    async def main():
        outer = api.shield(future)
        future.cancel("message")
        await asyncio.sleep(0)
        assert outer.cancelled()
        with pytest.raises(asyncio.CancelledError) as caught:
            await outer
        assert caught.value.args == ()

    run(main())


def test_in_which_turn_the_outer_one_is_done(run, api, future):
    async def main():
        outer = api.shield(future)
        future.set_result(None)
        assert not outer.done()
        await asyncio.sleep(0)
        assert outer.done()

    run(main())


def test_its_callbacks_are_asyncio_s_by_name(run, api):
    async def main():
        future = api.Future(loop=asyncio.get_running_loop())
        outer = api.shield(future)
        names = [callback.__qualname__ for callback, _ in future._callbacks]
        assert names[-1] == "shield.<locals>._inner_done_callback"
        names = [callback.__qualname__ for callback, _ in outer._callbacks]
        assert names == ["shield.<locals>._outer_done_callback"]
        future.set_result(None)
        await outer

    run(main())


def test_several_shields_of_one_future(run, api, future):
    async def main():
        first, second = api.shield(future), api.shield(future)
        first.cancel()
        await asyncio.sleep(0)
        future.set_result("result")
        assert await second == "result"
        assert first.cancelled()

    run(main())


def test_shields_in_a_row(run, api, future):
    async def main():
        outer = api.shield(api.shield(future))
        future.set_result("through both")
        return await outer

    assert run(main()) == "through both"


def test_an_outer_one_that_somebody_else_has_finished(run, api, reported, future):
    async def main():
        outer = api.shield(future)
        outer.set_result("early")
        future.set_result("late")
        await settle()
        assert await outer == "early"

    run(main())
    context = reported.take_one()
    assert type(context["exception"]) is asyncio.InvalidStateError
    assert "_inner_done_callback" in context["message"]


def test_subclasses_of_future(run, api):
    class Own(api.Future):
        pass

    async def main():
        future = Own(loop=asyncio.get_running_loop())
        outer = api.shield(future)
        outer.cancel()
        await asyncio.sleep(0)
        assert not future._callbacks
        outer = api.shield(future)
        future.set_result("result")
        assert await outer == "result"

    run(main())


def test_what_cannot_be_shielded(run, api):
    async def main():
        for wrong in (3, None, [], object()):
            with pytest.raises(TypeError, match="An asyncio.Future, a coroutine or an awaitable"):
                api.shield(wrong)

    run(main())
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'arg'"):
        api.shield()


def reports(shield, scenario):
    """What a loop of the standard library's reports about ``scenario(shield)``."""
    messages = []
    loop = asyncio.SelectorEventLoop()
    loop.set_exception_handler(lambda _, context: messages.append(context["message"]))
    try:
        loop.run_until_complete(scenario(shield))
        gc.collect()
    finally:
        loop.close()
    return messages


async def fails_after_the_wait_was_cancelled(shield):
    future = new_future()
    outer = shield(future)
    outer.cancel()
    await settle()
    future.set_exception(ZeroDivisionError())
    await settle()


async def fails_in_the_turn_in_which_the_wait_is_cancelled(shield):
    future = new_future()
    outer = shield(future)
    outer.cancel()
    future.set_exception(ZeroDivisionError())
    await settle()


async def fails_in_the_turn_in_which_the_wait_is_cancelled_the_other_way_round(shield):
    future = new_future()
    outer = shield(future)
    future.set_exception(ZeroDivisionError())
    outer.cancel()
    await settle()


async def fails_after_two_waits_were_cancelled(shield):
    future = new_future()
    for _ in range(2):
        shield(future).cancel()
    await settle()
    future.set_exception(ZeroDivisionError())
    await settle()


async def fails_and_nobody_waits(shield):
    future = new_future()
    shield(future)
    future.set_exception(ZeroDivisionError())
    await settle()


async def a_coroutine_fails_after_the_wait_was_cancelled(shield):
    outer = shield(failing(ZeroDivisionError(), turns=3))
    await asyncio.sleep(0)
    outer.cancel()
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    "scenario",
    [
        fails_after_the_wait_was_cancelled,
        fails_in_the_turn_in_which_the_wait_is_cancelled,
        fails_in_the_turn_in_which_the_wait_is_cancelled_the_other_way_round,
        fails_after_two_waits_were_cancelled,
        fails_and_nobody_waits,
        a_coroutine_fails_after_the_wait_was_cancelled,
    ],
)
def test_what_is_reported_is_what_the_running_version_reports(loop, run, api, scenario, side):
    messages = []
    loop.set_exception_handler(lambda _, context: messages.append(context["message"]))
    run(scenario(api.shield))
    gc.collect()
    assert messages == reports(asyncio.shield, scenario)


def test_that_it_is_installed_changes_nothing_about_reports(run_script):
    done = run_script("""
        import asyncio
        import gc

        import aioxide

        async def scenario(shield):
            future = asyncio.get_running_loop().create_future()
            outer = shield(future)
            outer.cancel()
            future.set_exception(ZeroDivisionError())
            for _ in range(5):
                await asyncio.sleep(0)

        def reports(shield):
            messages = []
            loop = asyncio.SelectorEventLoop()
            loop.set_exception_handler(lambda _, context: messages.append(context["message"]))
            loop.run_until_complete(scenario(shield))
            gc.collect()
            loop.close()
            return messages

        original = asyncio.shield
        aioxide.install()
        assert asyncio.shield is aioxide.shield is not original
        expected = reports(original)
        assert reports(asyncio.shield) == expected, expected
        print("ok")
    """)
    assert (done.stdout, done.stderr) == ("ok\n", "")


@pytest.mark.skipif(sys.version_info < (3, 14), reason="call graphs are of 3.14")
def test_call_graphs_show_who_waits(run, api):
    async def main():
        future, current = new_future(), asyncio.current_task()
        outer = api.shield(future)
        assert future._asyncio_awaited_by == {current}
        outer.cancel()
        await asyncio.sleep(0)
        assert not future._asyncio_awaited_by
        outer = api.shield(future)
        future.set_result(None)
        await outer
        assert not future._asyncio_awaited_by

    run(main())


def test_a_cycle_through_it_is_collected(run, api):
    class Holder:
        pass

    async def main():
        holder, future = Holder(), new_future()
        holder.outer = api.shield(future)
        future.holder = holder
        reference = weakref.ref(holder)
        del holder, future
        gc.collect()
        return reference()

    assert run(main()) is None


def test_debug_mode(loop, run, api):
    loop.set_debug(True)
    loop.slow_callback_duration = 60  # A busy machine is nobody's mistake.

    async def main():
        assert await api.shield(value_of(1, turns=2)) == 1
        outer = api.shield(new_future())
        outer.cancel()
        await settle()

    run(main())
