"""What does the iterator of an awaited future do, step by step?"""

import asyncio
import collections.abc
import gc
import sys
import types
import weakref

import pytest


@pytest.fixture
def future(loop):
    return loop.create_future()


def test_a_pending_future_yields_itself_and_says_that_it_blocks(future):
    iterator = future.__await__()
    assert future._asyncio_future_blocking is False
    assert next(iterator) is future
    assert future._asyncio_future_blocking is True


def test_the_iterator_is_its_own_iterator(future):
    iterator = future.__await__()
    assert iter(iterator) is iterator


def test_iter_is_the_same_as_await(future):
    future.set_result(42)
    with pytest.raises(StopIteration) as raised:
        next(iter(future))
    assert raised.value.value == 42


@pytest.mark.parametrize("advance", [next, lambda iterator: iterator.send(None)])
def test_a_done_future_ends_at_once_with_the_result(future, advance):
    future.set_result(42)
    with pytest.raises(StopIteration) as raised:
        advance(future.__await__())
    assert raised.value.value == 42


@pytest.mark.parametrize("advance", [next, lambda iterator: iterator.send(None)])
@pytest.mark.parametrize(
    "result",
    [None, (), (1,), (1, 2), StopIteration(3), ValueError("a value"), [], "text"],
    ids=repr,
)
def test_any_result_arrives_as_it_is(future, advance, result):
    iterator = future.__await__()
    assert advance(iterator) is future
    future.set_result(result)
    with pytest.raises(StopIteration) as raised:
        advance(iterator)
    assert raised.value.value is result


@pytest.mark.parametrize(
    "result", [None, (), (1,), (1, 2), StopIteration(3), ValueError("a value")], ids=repr
)
def test_any_result_arrives_at_the_awaiter_as_it_is(loop, run, result):
    async def main():
        future = loop.create_future()
        loop.call_soon(future.set_result, result)
        assert await future is result
        assert await future is result

    run(main())


def test_what_is_sent_is_ignored(future):
    iterator = future.__await__()
    assert iterator.send(None) is future
    future.set_result(42)
    with pytest.raises(StopIteration) as raised:
        iterator.send("ignored")
    assert raised.value.value == 42


def test_a_future_is_no_iterator_itself(future):
    assert not isinstance(future, collections.abc.Iterator)
    assert not any(hasattr(future, name) for name in ("__next__", "send", "throw", "close"))


async def wait_for(future):
    return await future


def delegate_to(future):
    return (yield from future)


async def wait_by_generator(future):
    return await types.coroutine(delegate_to)(future)


@pytest.fixture(params=[wait_for, wait_by_generator], ids=["await", "yield from"])
def waiting(request, future):
    """A coroutine that waits for the future."""
    coroutine = request.param(future)
    assert coroutine.send(None) is future
    assert future._asyncio_future_blocking is True
    yield coroutine
    coroutine.close()


def test_a_coroutine_that_is_stepped_by_hand_gets_the_result(future, waiting):
    future.set_result(42)
    with pytest.raises(StopIteration) as raised:
        waiting.send(None)
    assert raised.value.value == 42


def test_a_coroutine_that_is_stepped_by_hand_gets_the_exception(future, waiting):
    future.set_exception(KeyError("text"))
    with pytest.raises(KeyError, match="text"):
        waiting.send(None)


def test_a_coroutine_that_goes_on_too_early_is_told(waiting):
    with pytest.raises(RuntimeError) as raised:
        waiting.send(None)
    assert str(raised.value) == "await wasn't used with future"


def test_what_is_thrown_into_a_waiting_coroutine_leaves_it(future, waiting):
    exception = ValueError("text")
    with pytest.raises(ValueError) as raised:
        waiting.throw(exception)
    assert raised.value is exception
    assert not future.done()


def test_a_waiting_coroutine_can_be_closed(future, waiting):
    waiting.close()
    with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
        waiting.send(None)
    assert not future.done()


def test_what_is_thrown_can_be_caught_and_the_future_awaited_again(loop, run):
    async def stubborn(future):
        while True:
            try:
                return await future
            except KeyError:
                future._asyncio_future_blocking = False

    future = loop.create_future()
    coroutine = stubborn(future)
    assert coroutine.send(None) is future
    assert coroutine.throw(KeyError()) is future
    future.set_result(42)
    with pytest.raises(StopIteration) as raised:
        coroutine.send(None)
    assert raised.value.value == 42


@pytest.mark.parametrize("count", [2, 5])
def test_many_await_the_same_future(loop, run, count):
    async def main():
        future = loop.create_future()
        tasks = [loop.create_task(wait_for(future)) for _ in range(count)]
        await asyncio.sleep(0)
        future.set_result(42)
        return await asyncio.gather(*tasks)

    assert run(main()) == [42] * count


def test_a_subclass_is_awaited_by_what_it_inherits(api, loop, run):
    class Named(api.Future):
        name = "a name"

    async def main():
        future = Named(loop=loop)
        loop.call_soon(future.set_result, 42)
        assert not isinstance(future, collections.abc.Iterator)
        with pytest.raises(TypeError, match="not an iterator"):
            next(future)
        return await future

    assert run(main()) == 42


def test_a_future_that_was_never_initialised_cannot_be_awaited(api):
    future = api.Future.__new__(api.Future)
    with pytest.raises(RuntimeError, match="not initialized"):
        wait_for(future).send(None)


def test_going_on_before_the_future_is_done_is_an_error(future):
    iterator = future.__await__()
    next(iterator)
    for advance in (next, lambda iterator: iterator.send(None)):
        with pytest.raises(RuntimeError) as raised:
            advance(iterator)
        assert str(raised.value) == "await wasn't used with future"


def test_an_exception_leaves_the_iterator(future):
    iterator = future.__await__()
    next(iterator)
    exception = ValueError("text")
    future.set_exception(exception)
    with pytest.raises(ValueError) as raised:
        next(iterator)
    assert raised.value is exception


def test_a_cancellation_leaves_the_iterator(future):
    iterator = future.__await__()
    next(iterator)
    future.cancel("because")
    with pytest.raises(asyncio.CancelledError) as raised:
        next(iterator)
    assert raised.value.args == ("because",)


def test_an_iterator_that_has_ended_stays_ended(future):
    future.set_result(42)
    iterator = future.__await__()
    with pytest.raises(StopIteration):
        next(iterator)
    with pytest.raises(StopIteration) as raised:
        next(iterator)
    assert raised.value.value == (42 if sys.version_info >= (3, 14) else None)


def test_two_iterators_of_one_future_are_independent(future):
    first, second = future.__await__(), future.__await__()
    assert next(first) is future
    # What a task does before it waits for the future.
    future._asyncio_future_blocking = False
    assert next(second) is future
    future.set_result(42)
    for iterator in (second, first):
        with pytest.raises(StopIteration) as raised:
            next(iterator)
        assert raised.value.value == 42


def test_throwing_an_instance(future):
    iterator = future.__await__()
    next(iterator)
    exception = ValueError("text")
    with pytest.raises(ValueError) as raised:
        iterator.throw(exception)
    assert raised.value is exception
    with pytest.raises(StopIteration):
        next(iterator)


def test_throwing_a_class(future):
    with pytest.raises(ValueError) as raised:
        future.__await__().throw(ValueError)
    assert raised.value.args == ()


@pytest.mark.filterwarnings("ignore:the .type, exc, tb. signature of throw:DeprecationWarning")
def test_throwing_with_a_value_and_a_traceback(future):
    try:
        raise LookupError
    except LookupError as error:
        traceback = error.__traceback__
    with pytest.raises(ValueError) as raised:
        future.__await__().throw(ValueError, "text", traceback)
    assert raised.value.args == ("text",)
    frames = []
    found = raised.value.__traceback__
    while found:
        frames.append(found)
        found = found.tb_next
    assert traceback in frames
    with pytest.raises(ValueError) as raised:
        future.__await__().throw(ValueError, ValueError("ready made"), None)
    assert raised.value.args == ("ready made",)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="deprecated since 3.12")
def test_throwing_with_a_value_is_deprecated(future):
    with pytest.warns(DeprecationWarning) as warned, pytest.raises(ValueError):
        future.__await__().throw(ValueError, "text")
    assert [str(warning.message) for warning in warned] == [
        "the (type, exc, tb) signature of throw() is deprecated, "
        "use the single-arg signature instead."
    ]


@pytest.mark.filterwarnings("ignore:the .type, exc, tb. signature of throw:DeprecationWarning")
@pytest.mark.parametrize(
    "arguments, text",
    [
        ((42,), "exceptions must be classes deriving BaseException or instances of such a class"),
        ((int,), "exceptions must be classes deriving BaseException or instances of such a class"),
        ((ValueError, "text", 12), "throw() third argument must be a traceback"),
        ((ValueError(), 1), "instance exception may not have a separate value"),
    ],
)
def test_throwing_nonsense(future, arguments, text):
    with pytest.raises(TypeError) as raised:
        future.__await__().throw(*arguments)
    assert str(raised.value) == text


def test_closing_ends_the_iterator(future):
    iterator = future.__await__()
    next(iterator)
    assert iterator.close() is None
    assert iterator.close() is None
    with pytest.raises(StopIteration):
        next(iterator)
    assert not future.done()


def test_a_coroutine_that_awaits_can_be_driven_by_hand(future):
    async def waiter():
        return await future

    coroutine = waiter()
    assert coroutine.send(None) is future
    future.set_result(42)
    with pytest.raises(StopIteration) as raised:
        coroutine.send(None)
    assert raised.value.value == 42


def test_a_generator_that_yields_from_a_future_can_be_driven_by_hand(future):
    def waiter():
        return (yield from future)

    generator = waiter()
    assert next(generator) is future
    future.set_result(42)
    with pytest.raises(StopIteration) as raised:
        next(generator)
    assert raised.value.value == 42


def test_throwing_into_a_coroutine_that_awaits(future):
    async def waiter():
        try:
            await future
        except ValueError:
            return "caught"

    coroutine = waiter()
    coroutine.send(None)
    with pytest.raises(StopIteration) as raised:
        coroutine.throw(ValueError())
    assert raised.value.value == "caught"


def test_closing_a_coroutine_that_awaits(future):
    log = []

    async def waiter():
        try:
            await future
        finally:
            log.append("closed")

    coroutine = waiter()
    coroutine.send(None)
    coroutine.close()
    assert log == ["closed"]
    assert not future.done()


def test_the_blocking_mark_is_cleared_by_the_task(loop, turn, future):
    async def waiter():
        await future

    task = loop.create_task(waiter())
    turn()
    assert future._asyncio_future_blocking is False
    future.set_result(1)
    loop.run_until_complete(task)


def test_a_suspended_iterator_keeps_its_future(loop):
    future = loop.create_future()
    kept = weakref.ref(future)
    iterator = future.__await__()
    del future
    gc.collect()
    assert kept() is not None
    next(iterator)
    assert kept() is not None
    iterator.close()
    gc.collect()
    assert kept() is None


def test_a_done_future_is_awaited_without_leaving_the_task(loop, run):
    seen = []

    async def main():
        future = loop.create_future()
        future.set_result(42)
        loop.call_soon(seen.append, "next iteration")
        assert await future == 42
        assert seen == []

    run(main())


def test_what_was_put_into_one_end_is_not_seen_in_the_next(loop):
    def end_with(value):
        future = loop.create_future()
        future.set_result(value)
        with pytest.raises(StopIteration) as raised:
            next(future.__await__())
        return raised.value.with_traceback(None)

    first = end_with("first")
    BaseException.args.__set__(first, ("changed",))
    first.__suppress_context__ = True
    first.__context__ = None
    del first
    gc.collect()
    second = end_with("second")
    assert second.value == "second"
    assert not second.__suppress_context__
    assert "changed" not in repr(second)
