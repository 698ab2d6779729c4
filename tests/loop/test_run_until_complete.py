"""How does run_until_complete begin, and how can it end?"""

import asyncio
import gc
import sys
import threading

import pytest


async def give(value):
    await asyncio.sleep(0)
    return value


async def fail(exception):
    await asyncio.sleep(0)
    raise exception


def test_the_result_of_a_coroutine(loop):
    assert loop.run_until_complete(give(42)) == 42


def test_the_result_of_a_future(loop):
    future = loop.create_future()
    loop.call_soon(future.set_result, 42)
    assert loop.run_until_complete(future) == 42


def test_the_result_of_a_task(loop):
    assert loop.run_until_complete(loop.create_task(give(42))) == 42


def test_the_result_of_an_awaitable(loop):
    class Awaitable:
        def __await__(self):
            yield
            return 42

    assert loop.run_until_complete(Awaitable()) == 42


def test_a_finished_future_takes_one_turn(loop):
    seen = []
    future = loop.create_future()
    future.set_result(42)
    loop.call_soon(seen.append, 1)
    assert loop.run_until_complete(future) == 42
    assert seen == [1]


def test_the_exception_of_a_coroutine_is_the_very_object(loop):
    exception = ValueError("text")
    with pytest.raises(ValueError) as raised:
        loop.run_until_complete(fail(exception))
    assert raised.value is exception


def test_a_cancelled_future(loop):
    future = loop.create_future()
    loop.call_soon(future.cancel, "because")
    with pytest.raises(asyncio.CancelledError) as raised:
        loop.run_until_complete(future)
    assert raised.value.args == ("because",)


@pytest.mark.parametrize("thing", [42, None, "text", print, object()])
def test_something_that_cannot_be_awaited(loop, thing):
    with pytest.raises(TypeError) as raised:
        loop.run_until_complete(thing)
    assert str(raised.value) == "An asyncio.Future, a coroutine or an awaitable is required"


def test_a_coroutine_function_is_not_a_coroutine(loop):
    with pytest.raises(TypeError) as raised:
        loop.run_until_complete(give)
    assert str(raised.value) == "An asyncio.Future, a coroutine or an awaitable is required"


def test_a_future_of_another_loop(loop, new_loop):
    future = new_loop().create_future()
    with pytest.raises(ValueError) as raised:
        loop.run_until_complete(future)
    assert str(raised.value) == (
        "The future belongs to a different loop than the one specified as the loop argument"
    )


def test_stopped_before_the_future_is_done(loop):
    future = loop.create_future()
    loop.call_soon(loop.stop)
    with pytest.raises(RuntimeError) as raised:
        loop.run_until_complete(future)
    assert str(raised.value) == "Event loop stopped before Future completed."
    assert not future.done()


def test_after_being_stopped_the_future_can_be_run_again(loop):
    future = loop.create_future()
    loop.stop()
    with pytest.raises(RuntimeError):
        loop.run_until_complete(future)
    loop.call_soon(future.set_result, 1)
    assert loop.run_until_complete(future) == 1


def test_stopped_in_the_turn_in_which_the_future_becomes_done(loop):
    future = loop.create_future()
    loop.call_soon(future.set_result, 1)
    loop.call_soon(loop.stop)
    assert loop.run_until_complete(future) == 1


def test_it_leaves_no_callback_on_the_future(loop):
    future = loop.create_future()
    loop.stop()
    with pytest.raises(RuntimeError):
        loop.run_until_complete(future)
    assert not future._callbacks


def test_a_stopped_coroutine_is_dropped_without_a_message(loop, reported):
    async def forever():
        await loop.create_future()

    loop.call_soon(loop.call_soon, loop.stop)
    with pytest.raises(RuntimeError) as raised:
        loop.run_until_complete(forever())
    assert str(raised.value) == "Event loop stopped before Future completed."
    del raised
    gc.collect()
    assert reported == []


def start_for_ever(loop):
    loop.run_forever()


def start_for_a_future(loop):
    loop.run_until_complete(loop.create_future())


@pytest.mark.parametrize("start", [start_for_ever, start_for_a_future])
def test_a_running_loop_cannot_be_run(loop, run, start):
    async def main():
        with pytest.raises(RuntimeError) as raised:
            start(loop)
        assert str(raised.value) == "This event loop is already running"

    run(main())


@pytest.mark.parametrize("start", [start_for_ever, start_for_a_future])
def test_a_second_loop_cannot_run_inside_a_running_one(run, new_loop, start):
    other = new_loop()

    async def main():
        with pytest.raises(RuntimeError) as raised:
            start(other)
        assert str(raised.value) == "Cannot run the event loop while another loop is running"
        assert not other.is_running()

    run(main())


def test_the_stdlib_loop_and_ours_do_not_nest_either(run, loop_factory):
    other = asyncio.SelectorEventLoop()

    async def main():
        with pytest.raises(RuntimeError) as raised:
            other.run_forever()
        assert str(raised.value) == "Cannot run the event loop while another loop is running"

    run(main())
    inner = loop_factory()

    async def inside_the_other():
        with pytest.raises(RuntimeError) as raised:
            inner.run_forever()
        assert str(raised.value) == "Cannot run the event loop while another loop is running"

    other.run_until_complete(inside_the_other())
    inner.close()
    other.close()


@pytest.mark.parametrize("start", [start_for_ever, start_for_a_future])
def test_a_refused_nested_run_leaves_the_outer_one_running(loop, run, kind, start):
    async def main():
        with pytest.raises(RuntimeError):
            start(loop)
        # CPython 3.13.0 to 3.13.2 clean up after a run_forever() that they refused to begin,
        # and so forget the loop that runs (gh-130145).
        forgetful = (3, 13, 0) <= sys.version_info[:3] <= (3, 13, 2)
        if kind == "asyncio" and forgetful and start is start_for_ever:
            return "done"
        assert loop.is_running()
        assert asyncio.get_running_loop() is loop
        return await asyncio.sleep(0.001, "done")

    assert run(main()) == "done"


def test_loops_run_one_after_the_other(loop, new_loop):
    other = new_loop()
    assert loop.run_until_complete(give(1)) == 1
    assert other.run_until_complete(give(2)) == 2
    assert loop.run_until_complete(give(3)) == 3


def test_a_new_loop_is_current_in_each_thread(loop, new_loop):
    seen = {}

    async def main(key):
        seen[key] = asyncio.get_running_loop()

    other = new_loop()

    async def outer():
        thread = threading.Thread(target=lambda: other.run_until_complete(main("other")))
        thread.start()
        thread.join(10)
        await main("own")

    loop.run_until_complete(outer())
    assert seen == {"other": other, "own": loop}


def test_pending_callbacks_stay_for_the_next_run(loop):
    seen = []

    async def main():
        loop.call_soon(loop.call_soon, loop.call_soon, seen.append, "later")

    loop.run_until_complete(main())
    assert seen == []
    loop.run_until_complete(asyncio.sleep(0))
    loop.run_until_complete(asyncio.sleep(0))
    assert seen == ["later"]
