"""What does a coroutine of asyncio's functions show of itself?"""

import collections.abc
import gc
import inspect
import socket
import sys
import types
import warnings

import pytest


@pytest.fixture(params=["sleep", "Queue.get", "sock_recv"])
def coroutine(request, api, loop):
    """A coroutine that has not begun."""
    left, right = socket.socketpair()
    if request.param == "sleep":
        made = api.sleep(0, "slept")
    elif request.param == "Queue.get":
        made = api.Queue().get()
    else:
        made = loop.sock_recv(left, 1)
    yield made
    made.close()
    left.close()
    right.close()


def test_it_is_of_the_interpreters_class(coroutine):
    assert inspect.iscoroutine(coroutine)
    assert isinstance(coroutine, types.CoroutineType)
    assert coroutine.__class__ is types.CoroutineType
    assert type(coroutine).__name__ == "coroutine"


def test_it_is_no_iterator(coroutine):
    assert isinstance(coroutine, collections.abc.Coroutine)
    assert inspect.isawaitable(coroutine)
    assert not isinstance(coroutine, collections.abc.Generator)
    assert not isinstance(coroutine, collections.abc.Iterator)
    assert not isinstance(coroutine, collections.abc.Iterable)
    assert not inspect.isgenerator(coroutine)
    assert not hasattr(coroutine, "__next__")
    with pytest.raises(TypeError, match="'coroutine' object is not iterable"):
        iter(coroutine)


def test_it_has_the_code_of_its_function(coroutine):
    code = coroutine.cr_code
    assert code.co_qualname == coroutine.__qualname__
    assert code.co_flags & inspect.CO_COROUTINE
    assert coroutine.cr_frame.f_code is code
    assert coroutine.cr_frame.f_lineno == code.co_firstlineno


def test_it_says_how_far_it_is(coroutine):
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED
    assert coroutine.cr_running is False
    assert coroutine.cr_suspended is False
    assert coroutine.cr_await is None
    assert coroutine.cr_origin is None
    coroutine.close()
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED
    assert coroutine.cr_frame is None


def test_it_says_that_it_waits(api, loop):
    """A call of the loop that no task awaits."""
    left, right = socket.socketpair()
    left.setblocking(False)
    with left, right:
        coroutine = loop.sock_recv(left, 1)
        coroutine.send(None)
        assert inspect.getcoroutinestate(coroutine) == inspect.CORO_SUSPENDED
        coroutine.close()
        assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED


def test_an_iterator_of_its_steps(api):
    steps = api.sleep(0, "slept").__await__()
    assert iter(steps) is steps
    assert next(steps) is None
    with pytest.raises(StopIteration) as stopped:
        steps.send(None)
    assert stopped.value.value == "slept"


def test_what_is_thrown_into_its_steps(api):
    steps = api.sleep(0).__await__()
    next(steps)
    with pytest.raises(LookupError, match="thrown"):
        steps.throw(LookupError("thrown"))
    steps.close()


def test_an_object_may_await_by_its_steps(api, run):
    class Nap:
        def __await__(self):
            return (yield from api.sleep(0, "slept").__await__())

    async def main():
        return await Nap()

    assert run(main()) == "slept"


def test_a_coroutine_that_is_a_generator_may_yield_from_it(api, run):
    @types.coroutine
    def nap():
        return (yield from api.sleep(0, "slept"))

    async def main():
        return await nap()

    assert run(main()) == "slept"


def test_a_plain_generator_may_not(api):
    def nap():
        yield from coroutine

    coroutine = api.sleep(0)
    with pytest.raises(TypeError):
        next(nap())
    coroutine.close()


def test_debug_mode_tells_where_it_was_made(api, loop, run):
    async def main():
        coroutine = api.sleep(0)
        origin = coroutine.cr_origin
        await coroutine
        return origin

    loop.set_debug(True)
    filename, line, function = run(main())[0]
    assert filename == __file__
    assert line == main.__code__.co_firstlineno + 1
    assert function == "main"


def test_debug_mode_warns_with_the_place(api, loop, run):
    async def main():
        api.sleep(0)
        gc.collect()

    loop.set_debug(True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run(main())
    text = str(caught[0].message)
    assert text.startswith("coroutine 'sleep' was never awaited\nCoroutine created at (most recent")
    assert text.endswith("  api.sleep(0)")


def test_nothing_is_recorded_after_debug_mode(api, loop, run):
    async def main():
        coroutine = api.sleep(0)
        origin = coroutine.cr_origin
        await coroutine
        return origin

    loop.set_debug(True)
    assert run(main()) is not None
    loop.set_debug(False)
    assert run(main()) is None
    assert sys.get_coroutine_origin_tracking_depth() == 0
