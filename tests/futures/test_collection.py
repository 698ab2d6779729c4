"""Is everything released that nobody can reach any more?"""

import asyncio
import contextvars
import gc
import weakref

import pytest


class Thing:
    """Something that can be weakly referenced."""


@pytest.fixture
def without_collector():
    """Only reference counting frees memory during the test."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_a_dropped_future_releases_its_result_at_once(loop, without_collector):
    thing = Thing()
    released = weakref.ref(thing)
    future = loop.create_future()
    future.set_result(thing)
    del thing
    assert released() is not None
    del future
    assert released() is None


def test_a_dropped_future_releases_its_callbacks_at_once(loop, without_collector):
    class Callback:
        def __call__(self, future):
            pass

    for count in (1, 2, 5):
        callbacks = [Callback() for _ in range(count)]
        released = [weakref.ref(callback) for callback in callbacks]
        future = loop.create_future()
        for callback in callbacks:
            future.add_done_callback(callback)
        del callbacks, callback
        assert all(reference() is not None for reference in released)
        del future
        assert all(reference() is None for reference in released)


def make_result(future, thing):
    future.set_result([future, thing])


def make_exception(future, thing):
    exception = ValueError(thing)
    exception.future = future
    future.set_exception(exception)
    future.exception()


def make_callback(future, thing):
    future.add_done_callback(lambda _: (future, thing))


def make_two_callbacks(future, thing):
    make_callback(future, thing)
    make_callback(future, thing)


def make_attribute(future, thing):
    future.cycle = (future, thing)


def make_cancel_message(future, thing):
    future.cancel([future, thing])


def make_iterator(future, thing):
    iterator = future.__await__()
    next(iterator)
    future.add_done_callback(lambda _, iterator=iterator: thing)


@pytest.mark.parametrize(
    "make",
    [
        make_result,
        make_exception,
        make_callback,
        make_two_callbacks,
        make_attribute,
        make_cancel_message,
        make_iterator,
    ],
    ids=lambda function: function.__name__.removeprefix("make_"),
)
def test_a_cycle_through_a_future_is_collected(loop, make):
    thing = Thing()
    released = weakref.ref(thing)
    future = loop.create_future()
    make(future, thing)
    del thing, future
    gc.collect()
    assert released() is None


def test_a_cycle_through_the_context_of_a_callback_is_collected(loop):
    variable = contextvars.ContextVar("variable")
    context = contextvars.Context()
    future = loop.create_future()
    released = weakref.ref(future)
    context.run(variable.set, future)
    future.add_done_callback(print, context=context)
    del context, future
    gc.collect()
    assert released() is None


def test_two_futures_that_hold_each_other_are_collected(loop, Future):
    class Promise(Future):
        pass

    one, other = Promise(loop=loop), Promise(loop=loop)
    one.add_done_callback(other.cancel)
    other.add_done_callback(one.cancel)
    released = weakref.ref(one), weakref.ref(other)
    del one, other
    gc.collect()
    assert [reference() for reference in released] == [None, None]


CHAIN = """
    import gc, importlib, sys, weakref

    loop = importlib.import_module(sys.argv[1]).new_event_loop()
    future = loop.create_future()
    last = weakref.ref(future)
    for _ in range(100_000):
        outer = loop.create_future()
        outer.set_result(future)
        future = outer
    del future, outer
    gc.collect()
    print(last())
    loop.close()
"""


@pytest.mark.usefixtures("deep")
def test_dropping_a_chain_of_a_hundred_thousand_futures_leaves_the_stack_whole(kind, run_script):
    # In an interpreter of its own: an exhausted stack would end all the tests that follow.
    result = run_script(CHAIN, kind)
    assert (result.returncode, result.stdout, result.stderr) == (0, "None\n", "")


def test_futures_do_not_keep_each_other_through_the_loop(loop, turn):
    future = loop.create_future()
    future.add_done_callback(lambda _: None)
    future.set_result(None)
    turn()
    released = weakref.ref(future)
    del future
    gc.collect()
    assert released() is None


def test_a_hundred_thousand_futures_leave_nothing_behind(loop, turn):
    for _ in range(100_000):
        future = loop.create_future()
        future.add_done_callback(id)
        future.set_result(None)
    turn()
    del future
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(10_000):
        future = loop.create_future()
        future.add_done_callback(id)
        future.set_result(None)
    turn()
    del future
    gc.collect()
    assert len(gc.get_objects()) - before < 100


def test_collecting_in_the_middle_of_everything_changes_nothing(loop, run):
    async def child(number):
        gc.collect()
        await asyncio.sleep(0)
        gc.collect()
        return number

    async def main():
        future = loop.create_future()
        loop.call_soon(gc.collect)
        loop.call_soon(future.set_result, 1)
        loop.call_soon(gc.collect)
        assert await future == 1
        return await asyncio.gather(*(child(number) for number in range(10)))

    assert run(main()) == list(range(10))
