"""When, in which order and with what are the callbacks of a future called?"""

import asyncio
import contextvars
import gc
import weakref

import pytest


@pytest.fixture
def future(loop):
    return loop.create_future()


def test_a_callback_is_called_by_the_loop_with_the_future(future, turn):
    seen = []
    assert future.add_done_callback(seen.append) is None
    future.set_result(1)
    assert seen == []
    turn()
    assert seen == [future]


@pytest.mark.parametrize("count", [1, 2, 3, 10, 1000])
def test_callbacks_are_called_in_the_order_they_were_added(future, turn, count):
    seen = []
    for number in range(count):
        future.add_done_callback(lambda _, number=number: seen.append(number))
    future.set_result(1)
    turn()
    assert seen == list(range(count))


@pytest.mark.parametrize(
    "finish",
    [
        lambda future: future.set_result(1),
        lambda future: (future.set_exception(ValueError()), future.exception()),
        lambda future: future.cancel(),
    ],
    ids=["result", "exception", "cancelled"],
)
def test_every_way_of_finishing_calls_them(future, turn, finish):
    seen = []
    future.add_done_callback(seen.append)
    finish(future)
    turn()
    assert seen == [future]


def test_a_done_future_calls_in_the_next_turn(future, turn):
    seen = []
    future.set_result(1)
    future.add_done_callback(seen.append)
    assert seen == []
    turn()
    assert seen == [future]


def test_each_callback_is_called_once(future, turn):
    seen = []
    future.add_done_callback(seen.append)
    future.set_result(1)
    turn(3)
    assert seen == [future]
    assert not future._callbacks


def test_a_callback_added_twice_is_called_twice(future, turn):
    seen = []
    future.add_done_callback(seen.append)
    future.add_done_callback(seen.append)
    future.set_result(1)
    turn()
    assert seen == [future, future]


def test_callbacks_take_their_place_among_the_others_of_the_loop(loop, future, turn):
    seen = []
    future.add_done_callback(lambda _: seen.append("one"))
    future.add_done_callback(lambda _: seen.append("two"))
    loop.call_soon(seen.append, "before")
    future.set_result(1)
    loop.call_soon(seen.append, "after")
    turn()
    assert seen == ["before", "one", "two", "after"]


def test_a_callback_that_fails_is_reported_and_the_others_are_called(future, turn, reported):
    seen = []
    future.add_done_callback(lambda _: 1 / 0)
    future.add_done_callback(seen.append)
    future.set_result(1)
    turn()
    assert seen == [future]
    assert isinstance(reported.take_one()["exception"], ZeroDivisionError)


def test_a_callback_may_add_another(future, turn):
    seen = []
    future.add_done_callback(lambda future: future.add_done_callback(seen.append))
    future.set_result(1)
    turn()
    assert seen == []
    turn()
    assert seen == [future]


def test_the_context_is_a_keyword(future):
    with pytest.raises(TypeError):
        future.add_done_callback(print, None)


def test_removing_counts_what_was_removed(future, turn):
    seen = []

    def other(_):
        seen.append("other")

    assert future.remove_done_callback(other) == 0
    for callback in (seen.append, other, seen.append, seen.append, other):
        future.add_done_callback(callback)
    # Bound methods are equal, not identical: removal compares with ==.
    assert future.remove_done_callback(seen.append) == 3
    assert future.remove_done_callback(seen.append) == 0
    future.set_result(1)
    turn()
    assert seen == ["other", "other"]
    assert future.remove_done_callback(other) == 0


@pytest.mark.parametrize("position", [0, 1, 2])
def test_removing_keeps_the_order_of_the_rest(future, turn, position):
    seen = []
    callbacks = [lambda _, number=number: seen.append(number) for number in range(3)]
    for callback in callbacks:
        future.add_done_callback(callback)
    assert future.remove_done_callback(callbacks[position]) == 1
    future.set_result(1)
    turn()
    assert seen == [number for number in range(3) if number != position]


def test_removing_the_only_callback_and_adding_it_again(future, turn):
    seen = []
    future.add_done_callback(seen.append)
    assert future.remove_done_callback(seen.append) == 1
    future.add_done_callback(seen.append)
    future.set_result(1)
    turn()
    assert seen == [future]


def test_what_was_scheduled_already_cannot_be_removed(future, turn):
    seen = []
    future.add_done_callback(seen.append)
    future.set_result(1)
    assert future.remove_done_callback(seen.append) == 0
    turn()
    assert seen == [future]


@pytest.mark.parametrize("before", [0, 1, 2])
def test_a_comparison_that_fails_leaves_removal(future, before):
    class Incomparable:
        def __call__(self, _):
            pass

        def __eq__(self, other):
            raise LookupError("in the comparison")

    for _ in range(before):
        future.add_done_callback(print)
    future.add_done_callback(Incomparable())
    with pytest.raises(LookupError):
        future.remove_done_callback(Incomparable())


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_a_comparison_that_changes_the_list_corrupts_nothing(future, turn, count):
    meddled = []

    class Meddler:
        def __call__(self, _):
            pass

        def __eq__(self, other):
            # Only once: the removal compares every meddler again.
            if not meddled:
                meddled.append(True)
                future.remove_done_callback(seen.append)
                future.add_done_callback(seen.append)
            return False

        __hash__ = None

    seen = []
    for _ in range(count):
        future.add_done_callback(Meddler())
        future.add_done_callback(seen.append)
    assert future.remove_done_callback(int) == 0
    assert meddled
    future.set_result(1)
    turn()
    assert set(seen) <= {future}


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_comparison_that_finishes_the_future_corrupts_nothing(future, turn, count):
    class Finisher:
        def __call__(self, _):
            pass

        def __eq__(self, other):
            if not future.done():
                future.set_result("finished in a comparison")
            return False

        __hash__ = None

    for _ in range(count):
        future.add_done_callback(Finisher())
    assert future.remove_done_callback(int) == 0
    turn()
    assert future.result() == "finished in a comparison"


def test_the_callbacks_are_listed_with_their_contexts(future):
    def one(_):
        pass

    def other(_):
        pass

    context = contextvars.Context()
    assert not future._callbacks
    future.add_done_callback(one, context=context)
    assert future._callbacks == [(one, context)]
    future.add_done_callback(other, context=context)
    assert future._callbacks == [(one, context), (other, context)]
    future.remove_done_callback(one)
    assert future._callbacks == [(other, context)]
    future.cancel()
    assert not future._callbacks


def test_callbacks_are_released_once_they_were_called(future, turn):
    class Callback:
        def __call__(self, _):
            pass

    callback = Callback()
    released = weakref.ref(callback)
    future.add_done_callback(callback)
    del callback
    assert released() is not None
    future.set_result(1)
    turn()
    gc.collect()
    assert released() is None


def test_something_not_callable_fails_when_it_is_called(future, turn, reported):
    future.add_done_callback(42)
    future.set_result(1)
    turn()
    exception = reported.take_one()["exception"]
    assert type(exception) is TypeError
    assert str(exception) == "'int' object is not callable"


def test_the_order_of_completion_is_the_order_of_the_callbacks(loop, turn):
    seen = []
    futures = [loop.create_future() for _ in range(5)]
    for number, future in enumerate(futures):
        future.add_done_callback(lambda _, number=number: seen.append(number))
    for number in (3, 0, 4, 1, 2):
        futures[number].set_result(None)
    turn()
    assert seen == [3, 0, 4, 1, 2]


def test_a_callback_and_an_awaiter_are_woken_in_the_order_they_came(loop, run):
    seen = []
    future = loop.create_future()

    async def waiter(name):
        await future
        seen.append(name)

    async def main():
        first = loop.create_task(waiter("first task"))
        await asyncio.sleep(0)
        future.add_done_callback(lambda _: seen.append("callback"))
        second = loop.create_task(waiter("second task"))
        await asyncio.sleep(0)
        future.set_result(None)
        await first
        await second

    run(main())
    assert seen == ["first task", "callback", "second task"]
