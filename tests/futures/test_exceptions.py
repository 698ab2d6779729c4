"""Which exceptions does a future take, and in what state does it hand them back?"""

import asyncio
import gc
import sys
import traceback
import weakref

import pytest


@pytest.fixture
def future(loop):
    return loop.create_future()


@pytest.mark.parametrize("thing", [42, None, "text", int, object(), (ValueError, "text")], ids=repr)
def test_only_exceptions_are_taken(loop, thing):
    future = loop.create_future()
    with pytest.raises(TypeError) as raised:
        future.set_exception(thing)
    assert str(raised.value) == "invalid exception object"
    assert not future.done()


@pytest.mark.parametrize("kind_of", [ValueError, BaseException, KeyboardInterrupt, GeneratorExit])
def test_a_class_is_instantiated(future, kind_of):
    future.set_exception(kind_of)
    exception = future.exception()
    assert type(exception) is kind_of
    assert exception.args == ()


def test_a_class_that_needs_arguments_is_refused(future):
    class Demanding(Exception):
        def __init__(self, needed):
            pass

    with pytest.raises(TypeError):
        future.set_exception(Demanding)
    assert not future.done()


def test_a_class_whose_instances_are_no_exceptions_is_refused(future):
    class Odd(Exception):
        def __new__(cls):
            return 42

    with pytest.raises(TypeError) as raised:
        future.set_exception(Odd)
    assert str(raised.value) == "invalid exception object"
    assert not future.done()


def test_a_class_that_fails_to_be_instantiated_leaves_the_future_pending(future):
    class Failing(Exception):
        def __init__(self):
            raise LookupError("in the constructor")

    with pytest.raises(LookupError):
        future.set_exception(Failing)
    assert not future.done()


STOP_TEXT = "StopIteration interacts badly with generators and cannot be raised into a Future"


@pytest.mark.skipif(
    sys.version_info >= (3, 13), reason="since 3.13 it is wrapped in a RuntimeError"
)
@pytest.mark.parametrize("stop", [StopIteration, StopIteration(1)])
def test_stop_iteration_is_refused(future, stop):
    with pytest.raises(TypeError) as raised:
        future.set_exception(stop)
    assert str(raised.value) == STOP_TEXT
    assert not future.done()


@pytest.mark.skipif(sys.version_info < (3, 13), reason="before 3.13 it is a TypeError")
@pytest.mark.parametrize("stop", [StopIteration, StopIteration(1)])
def test_stop_iteration_is_wrapped(future, stop):
    future.set_exception(stop)
    exception = future.exception()
    assert type(exception) is RuntimeError
    assert str(exception) == STOP_TEXT
    assert isinstance(exception.__cause__, StopIteration)
    assert exception.__context__ is exception.__cause__


@pytest.mark.skipif(sys.version_info < (3, 13), reason="before 3.13 subclasses slipped through")
def test_a_subclass_of_stop_iteration_is_wrapped_too(future):
    class Stop(StopIteration):
        pass

    stop = Stop(1)
    future.set_exception(stop)
    assert type(future.exception()) is RuntimeError
    assert future.exception().__cause__ is stop


def test_stop_async_iteration_is_an_exception_like_others(future, run):
    future.set_exception(StopAsyncIteration("text"))

    async def main():
        with pytest.raises(StopAsyncIteration):
            await future

    run(main())


def test_the_awaiter_gets_the_very_object(loop, run, future):
    exception = ValueError("text")

    async def main():
        loop.call_soon(future.set_exception, exception)
        with pytest.raises(ValueError) as raised:
            await future
        assert raised.value is exception

    run(main())


def test_several_awaiters_get_the_same_object(loop, run, future):
    exception = ValueError("text")

    async def waiter():
        try:
            await future
        except ValueError as error:
            return error

    async def main():
        tasks = [loop.create_task(waiter()) for _ in range(3)]
        await asyncio.sleep(0)
        future.set_exception(exception)
        return [await task for task in tasks]

    assert all(error is exception for error in run(main()))


def test_asking_again_does_not_lengthen_the_traceback(future, kind):
    def original():
        raise ValueError("text")

    try:
        original()
    except ValueError as error:
        exception = error
    future.set_exception(exception)
    depths = []
    for _ in range(5):
        try:
            future.result()
        except ValueError as error:
            frames = traceback.extract_tb(error.__traceback__)
            # The C implementation keeps the way to the origin for the first caller only; the
            # Python one and aioxide keep it for everybody.
            if kind == "aioxide" or not depths:
                assert frames[-1].name == "original"
            depths.append(len(frames))
    assert max(depths) == depths[0]
    assert len(set(depths[1:])) == 1


def test_an_exception_with_a_cause_keeps_it(future):
    cause = LookupError("cause")
    exception = ValueError("text")
    exception.__cause__ = cause
    future.set_exception(exception)
    with pytest.raises(ValueError) as raised:
        future.result()
    assert raised.value.__cause__ is cause


def test_raising_leaves_no_reference_cycle(loop):
    class Failure(Exception):
        pass

    future = loop.create_future()
    future.set_exception(Failure())
    released = weakref.ref(future)
    gc.collect()
    gc.disable()
    try:
        try:
            future.result()
        except Failure:
            pass
        del future
        gc.collect()
        assert released() is None
    finally:
        gc.enable()


def test_an_exception_in_a_group_reaches_the_awaiter_whole(run, future):
    group = ExceptionGroup("several", [ValueError(1), TypeError(2)])
    future.set_exception(group)

    async def main():
        try:
            await future
        except* ValueError as caught:
            assert len(caught.exceptions) == 1
        except* TypeError as caught:
            assert len(caught.exceptions) == 1

    run(main())
