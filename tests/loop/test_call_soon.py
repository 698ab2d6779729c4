"""In which order and how often does the loop run what call_soon was given?"""

import functools
import gc
import weakref

import pytest


def test_callbacks_run_in_the_order_they_were_scheduled(loop, turn):
    seen = []
    for number in range(100):
        loop.call_soon(seen.append, number)
    turn()
    assert seen == list(range(100))


def test_arguments_reach_the_callback(loop, turn):
    seen = []
    loop.call_soon(lambda *args: seen.append(args))
    loop.call_soon(lambda *args: seen.append(args), 1)
    loop.call_soon(lambda *args: seen.append(args), 1, None, "three", [4], 5, 6, 7)
    turn()
    assert seen == [(), (1,), (1, None, "three", [4], 5, 6, 7)]


def test_keyword_arguments_are_refused(loop):
    with pytest.raises(TypeError):
        loop.call_soon(print, end="")


def test_a_callback_is_required(loop):
    with pytest.raises(TypeError):
        loop.call_soon()


def test_nothing_runs_before_the_loop_does(loop, turn):
    seen = []
    loop.call_soon(seen.append, 1)
    assert seen == []
    turn()
    assert seen == [1]


def test_each_callback_runs_once(loop, turn):
    seen = []
    loop.call_soon(seen.append, 1)
    turn(3)
    assert seen == [1]


def test_what_a_callback_schedules_runs_in_the_next_turn(loop, turn):
    seen = []

    def first():
        seen.append("first")
        loop.call_soon(seen.append, "scheduled by first")

    loop.call_soon(first)
    loop.call_soon(seen.append, "second")
    turn()
    assert seen == ["first", "second"]
    turn()
    assert seen == ["first", "second", "scheduled by first"]


def test_a_callback_that_schedules_itself_leaves_room_for_others(loop):
    turns = []

    def again():
        turns.append(len(turns))
        if len(turns) < 50:
            loop.call_soon(again)

    def last(expected):
        assert len(turns) == expected
        if expected == 50:
            loop.stop()
        else:
            loop.call_soon(last, expected + 1)

    loop.call_soon(again)
    loop.call_soon(last, 1)
    loop.run_forever()
    assert len(turns) == 50


def test_a_cancelled_callback_does_not_run(loop, turn):
    seen = []
    loop.call_soon(seen.append, 1)
    handle = loop.call_soon(seen.append, 2)
    loop.call_soon(seen.append, 3)
    handle.cancel()
    turn()
    assert seen == [1, 3]


def test_a_callback_can_cancel_a_later_one_of_the_same_turn(loop, turn):
    seen = []
    loop.call_soon(lambda: later.cancel())
    later = loop.call_soon(seen.append, "cancelled")
    loop.call_soon(seen.append, "kept")
    turn()
    assert seen == ["kept"]


def test_a_failing_callback_does_not_stop_the_others(loop, turn, reported):
    seen = []
    loop.call_soon(seen.append, 1)
    loop.call_soon(lambda: 1 / 0)
    loop.call_soon(seen.append, 2)
    turn()
    assert seen == [1, 2]
    assert isinstance(reported.take_one()["exception"], ZeroDivisionError)


def test_something_not_callable_fails_when_it_is_run(loop, turn, reported):
    loop.call_soon(42)
    turn()
    exception = reported.take_one()["exception"]
    assert type(exception) is TypeError
    assert str(exception) == "'int' object is not callable"


def test_the_result_of_a_callback_is_ignored(loop, turn):
    loop.call_soon(lambda: object())
    turn()


def test_builtins_methods_partials_and_classes_are_callbacks(loop, turn):
    seen = []

    class Recorder:
        def __init__(self, value):
            seen.append(value)

        def __call__(self, value):
            seen.append(value)

    loop.call_soon(seen.append, 1)
    loop.call_soon(functools.partial(seen.append, 2))
    loop.call_soon(functools.partial(seen.insert, 2), 3)
    loop.call_soon(Recorder, 4)
    loop.call_soon(Recorder.__call__, object.__new__(Recorder), 5)
    loop.call_soon(object.__new__(Recorder), 6)
    turn()
    assert seen == [1, 2, 3, 4, 5, 6]


def test_callback_and_arguments_are_released_once_they_have_run(loop, turn):
    class Argument:
        pass

    argument = Argument()
    released = weakref.ref(argument)
    loop.call_soon(lambda argument: None, argument)
    del argument
    assert released() is not None
    turn()
    gc.collect()
    assert released() is None


def test_a_hundred_thousand_callbacks_run_in_one_turn(loop, turn):
    seen = []
    for number in range(100_000):
        loop.call_soon(seen.append, number)
    turn()
    assert seen == list(range(100_000))
