"""What does a future look like in a log?"""

import functools

import pytest


def one(future):
    pass


def two(future):
    pass


def three(future):
    pass


ONE = f"one() at {__file__}:{one.__code__.co_firstlineno}"
TWO = f"two() at {__file__}:{two.__code__.co_firstlineno}"
THREE = f"three() at {__file__}:{three.__code__.co_firstlineno}"


@pytest.fixture
def future(loop):
    return loop.create_future()


def test_pending(future):
    assert repr(future) == "<Future pending>"
    assert str(future) == "<Future pending>"


def test_finished(future):
    future.set_result(42)
    assert repr(future) == "<Future finished result=42>"


def test_finished_without_a_result(future):
    future.set_result(None)
    assert repr(future) == "<Future finished result=None>"


def test_failed(future):
    future.set_exception(ValueError("text"))
    assert repr(future) == "<Future finished exception=ValueError('text')>"
    future.exception()


def test_cancelled(future):
    future.cancel()
    assert repr(future) == "<Future cancelled>"


def test_cancelled_with_a_message(future):
    future.cancel("because")
    assert repr(future) == "<Future cancelled>"


def test_a_long_result_is_shortened(future):
    future.set_result("x" * 10_000)
    text = repr(future)
    assert text.startswith("<Future finished result='xxxxx")
    assert "..." in text
    assert len(text) < 100


def test_one_callback(future):
    future.add_done_callback(one)
    assert repr(future) == f"<Future pending cb=[{ONE}]>"


def test_two_callbacks(future):
    future.add_done_callback(one)
    future.add_done_callback(two)
    assert repr(future) == f"<Future pending cb=[{ONE}, {TWO}]>"


def test_three_callbacks(future):
    for callback in (one, two, three):
        future.add_done_callback(callback)
    assert repr(future) == f"<Future pending cb=[{ONE}, <1 more>, {THREE}]>"


def test_many_callbacks(future):
    future.add_done_callback(one)
    for _ in range(48):
        future.add_done_callback(two)
    future.add_done_callback(three)
    assert repr(future) == f"<Future pending cb=[{ONE}, <48 more>, {THREE}]>"


def test_removed_callbacks_are_gone(future):
    future.add_done_callback(one)
    future.add_done_callback(two)
    future.remove_done_callback(one)
    assert repr(future) == f"<Future pending cb=[{TWO}]>"
    future.remove_done_callback(two)
    assert repr(future) == "<Future pending>"


def test_a_done_future_shows_no_callbacks(future, turn):
    future.add_done_callback(one)
    future.set_result(42)
    assert repr(future) == "<Future finished result=42>"
    turn()


def test_callbacks_of_all_kinds(future):
    class Owner:
        def method(self, future):
            pass

    future.add_done_callback(functools.partial(one))
    future.add_done_callback(Owner().method)
    assert repr(future) == (
        f"<Future pending cb=[one()() at {__file__}:{one.__code__.co_firstlineno}, "
        f"{Owner.method.__qualname__}()]>"
    )


def test_a_subclass_shows_its_own_name(loop, Future):
    class Promise(Future):
        pass

    assert repr(Promise(loop=loop)) == "<Promise pending>"


def test_a_future_that_contains_itself(future):
    future.set_result([future])
    text = repr(future)
    assert text.startswith("<Future finished result=[")
    assert "..." in text


def test_futures_that_contain_each_other(loop, future):
    other = loop.create_future()
    future.set_result((other,))
    other.set_result((future,))
    assert "..." in repr(future)


def test_a_result_whose_repr_fails_does_not_hide_the_future(future):
    class Failing:
        def __repr__(self):
            raise LookupError("in the repr")

    future.set_result(Failing())
    assert repr(future).startswith("<Future finished result=<Failing instance at 0x")


def test_an_exception_whose_repr_fails_leaves_repr(future):
    class Failing(Exception):
        def __repr__(self):
            raise LookupError("in the repr")

    future.set_exception(Failing())
    with pytest.raises(LookupError):
        repr(future)
    future.exception()


def test_debug_mode_shows_where_it_was_created(loop):
    loop.set_debug(True)
    future = loop.create_future()
    frame = future._source_traceback[-1]
    assert repr(future) == f"<Future pending created at {frame.filename}:{frame.lineno}>"
    future.set_result(42)
    assert repr(future) == (
        f"<Future finished result=42 created at {frame.filename}:{frame.lineno}>"
    )
