"""Are coroutines without Python code coroutines like any other?"""

import asyncio
import collections.abc
import gc
import warnings

import pytest


@pytest.fixture(params=["Lock.acquire", "Event.wait", "sleep"])
def make(api, request):
    """Makes a new coroutine that has not begun."""
    if request.param == "sleep":
        return lambda: api.sleep(0, "slept")
    class_name, method = request.param.split(".")
    target = getattr(api, class_name)()
    if class_name == "Event":
        target.set()
    return getattr(target, method)


def test_they_are_coroutines(make):
    coroutine = make()
    assert isinstance(coroutine, collections.abc.Coroutine)
    assert asyncio.iscoroutine(coroutine)
    coroutine.close()


def test_nothing_happens_before_the_first_step(api):
    lock = api.Lock()
    coroutine = lock.acquire()
    assert not lock.locked()
    with pytest.raises(StopIteration) as done:
        coroutine.send(None)
    assert done.value.value is True
    assert lock.locked()


def test_one_that_is_never_awaited_is_warned_about(make):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        coroutine = make()
        name = coroutine.__qualname__
        del coroutine
        gc.collect()
    assert [str(warning.message) for warning in caught] == [f"coroutine '{name}' was never awaited"]


def test_one_that_is_closed_in_time_is_not(make):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make().close()
        gc.collect()


def test_one_that_is_over_cannot_be_awaited_again(run, make):
    async def main():
        coroutine = make()
        await coroutine
        with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
            await coroutine

    run(main())


def test_a_value_cannot_be_sent_before_the_first_step(make):
    coroutine = make()
    with pytest.raises(TypeError, match="can't send non-None value to a just-started coroutine"):
        coroutine.send(1)
    coroutine.close()


def test_what_is_thrown_in_before_the_first_step_comes_out(make):
    coroutine = make()
    with pytest.raises(LookupError, match="thrown"):
        coroutine.throw(LookupError("thrown"))
    with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
        coroutine.send(None)


def test_a_task_can_be_made_of_one_and_cancelled(run, api):
    async def main():
        event = api.Event()
        task = asyncio.ensure_future(event.wait())
        await asyncio.sleep(0)
        task.cancel("enough")
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await task
        assert cancelled.value.args == ("enough",)

    run(main())


def test_a_task_shows_the_name_of_its_coroutine(run, api):
    async def main():
        task = asyncio.ensure_future(api.Event().wait())
        await asyncio.sleep(0)
        shown = repr(task)
        task.cancel()
        return shown

    assert "Event.wait()" in run(main())


def test_closing_one_that_waits_takes_it_out_of_the_queue(run, api):
    async def main():
        event = api.Event()
        coroutine = event.wait()
        future = coroutine.send(None)
        assert asyncio.isfuture(future)
        assert "waiters:1" in repr(event)
        coroutine.close()
        assert "waiters" not in repr(event)

    run(main())


def test_sleep_returns_its_result(run, api):
    async def main():
        assert await api.sleep(0, "a") == "a"
        assert await api.sleep(0.001, "b") == "b"
        assert await api.sleep(-1, "c") == "c"
        assert await api.sleep(0.001) is None

    run(main())


def test_a_cancelled_sleep_leaves_no_timer(run, loop, api):
    async def main():
        tasks = [asyncio.ensure_future(api.sleep(3600)) for _ in range(500)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert all(task.cancelled() for task in tasks)

    run(main())


@pytest.mark.parametrize("delay", ["soon", None, [1]])
def test_sleep_wants_a_number(run, api, delay):
    async def main():
        with pytest.raises(TypeError):
            await api.sleep(delay)

    run(main())


@pytest.mark.parametrize("delay", [0, False, -1, 0.0, -0.5, -(10**30)], ids=repr)
def test_a_sleep_of_no_time_takes_one_turn(run, api, delay):
    async def main():
        steps = []
        asyncio.get_running_loop().call_soon(steps.append, "another")
        steps.append(await api.sleep(delay, "slept"))
        assert steps == ["another", "slept"]

    run(main())


def test_sleep_takes_its_arguments_by_position_and_by_name(run, api):
    async def main():
        assert await api.sleep(0, result="a") == "a"
        assert await api.sleep(result="b", delay=0) == "b"

    run(main())


@pytest.mark.parametrize(
    "positional, named, message",
    [
        ((), {}, "sleep() missing 1 required positional argument: 'delay'"),
        ((), {"result": 1}, "sleep() missing 1 required positional argument: 'delay'"),
        ((0, 1, 2), {}, "sleep() takes from 1 to 2 positional arguments but 3 were given"),
        ((0,), {"delay": 1}, "sleep() got multiple values for argument 'delay'"),
        ((0,), {"until": 1}, "sleep() got an unexpected keyword argument 'until'"),
    ],
)
def test_sleep_names_a_wrong_argument(api, positional, named, message):
    with pytest.raises(TypeError) as caught:
        api.sleep(*positional, **named)
    assert str(caught.value) == message
