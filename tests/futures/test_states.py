"""In which states can a future be, and what does each allow?"""

import asyncio
import sys

import pytest

InvalidStateError = asyncio.InvalidStateError


@pytest.fixture
def future(loop):
    return loop.create_future()


def state(future):
    return future.done(), future.cancelled()


def test_a_loop_makes_futures_of_its_side(loop, Future):
    assert type(loop.create_future()) is Future
    assert loop.create_future().get_loop() is loop


def test_a_future_is_made_for_a_loop(loop, Future):
    future = Future(loop=loop)
    assert future.get_loop() is loop
    assert state(future) == (False, False)


def test_a_future_takes_the_running_loop(loop, run, Future):
    async def main():
        return Future()

    assert run(main()).get_loop() is loop


def test_a_future_takes_the_current_loop(loop, Future):
    asyncio.set_event_loop(loop)
    assert Future().get_loop() is loop
    assert Future(loop=None).get_loop() is loop


def test_a_future_needs_a_loop(loop, Future):
    asyncio.set_event_loop(None)
    with pytest.raises(RuntimeError) as raised:
        Future()
    assert str(raised.value) == "There is no current event loop in thread 'MainThread'."


def test_the_loop_is_a_keyword(loop, Future):
    with pytest.raises(TypeError):
        Future(loop)
    with pytest.raises(TypeError):
        Future(loop=loop, name="a future has no name")


def test_a_loop_must_be_one(Future):
    with pytest.raises((AttributeError, TypeError)):
        Future(loop=object())


def test_a_pending_future_has_no_outcome(future):
    assert state(future) == (False, False)
    with pytest.raises(InvalidStateError) as raised:
        future.result()
    assert str(raised.value) == "Result is not set."
    with pytest.raises(InvalidStateError) as raised:
        future.exception()
    assert str(raised.value) == "Exception is not set."


@pytest.mark.parametrize("value", [42, None, "text", (), ValueError("a value"), StopIteration(1)])
def test_any_object_is_a_result(future, value):
    assert future.set_result(value) is None
    assert state(future) == (True, False)
    assert future.result() is value
    assert future.result() is value
    assert future.exception() is None


def test_an_exception(future):
    exception = ValueError("text")
    assert future.set_exception(exception) is None
    assert state(future) == (True, False)
    assert future.exception() is exception
    with pytest.raises(ValueError) as raised:
        future.result()
    assert raised.value is exception


def test_a_cancelled_future(future):
    assert future.cancel() is True
    assert state(future) == (True, True)
    with pytest.raises(asyncio.CancelledError):
        future.result()
    with pytest.raises(asyncio.CancelledError):
        future.exception()


@pytest.mark.parametrize(
    "finish, name",
    [
        (lambda future: future.set_result(42), "FINISHED"),
        (lambda future: (future.set_exception(ValueError()), future.exception()), "FINISHED"),
        (lambda future: future.cancel(), "CANCELLED"),
    ],
    ids=["result", "exception", "cancelled"],
)
def test_a_done_future_stays_as_it_is(future, finish, name):
    finish(future)
    before = state(future)
    text = f"{name}: {future!r}"
    for change in (
        lambda: future.set_result(1),
        lambda: future.set_exception(LookupError()),
    ):
        with pytest.raises(InvalidStateError) as raised:
            change()
        # The C implementation says less than the Python one does.
        assert str(raised.value) in ("invalid state", text)
    assert future.cancel() is False
    assert state(future) == before


def test_methods_need_their_arguments(future):
    with pytest.raises(TypeError):
        future.set_result()
    with pytest.raises(TypeError):
        future.set_exception()
    with pytest.raises(TypeError):
        future.add_done_callback()
    with pytest.raises(TypeError):
        future.remove_done_callback()
    with pytest.raises(TypeError):
        future.result(1)
    with pytest.raises(TypeError):
        future.cancel("message", "too much")


@pytest.mark.skipif(sys.version_info >= (3, 15), reason="refused since Python 3.15")
def test_initialising_again_starts_anew(loop, Future):
    future = Future(loop=loop)
    future.set_result(42)
    future.__init__(loop=loop)
    assert state(future) == (False, False)
    future.set_result(43)
    assert future.result() == 43


@pytest.mark.skipif(sys.version_info < (3, 15), reason="possible until Python 3.14")
def test_a_future_is_initialised_once(loop, Future):
    future = Future(loop=loop)
    future.set_result(42)
    with pytest.raises(RuntimeError, match="Future object is already initialized$"):
        future.__init__(loop=loop)
    assert future.result() == 42


@pytest.mark.parametrize(
    "use",
    [
        lambda future: future.result(),
        lambda future: future.exception(),
        lambda future: future.get_loop(),
        lambda future: future.cancel(),
        lambda future: future.set_result(1),
        lambda future: future.set_exception(ValueError()),
        lambda future: future.add_done_callback(print),
        lambda future: future.remove_done_callback(print),
        lambda future: future.__await__(),
    ],
    ids=[
        "result",
        "exception",
        "get_loop",
        "cancel",
        "set_result",
        "set_exception",
        "add_done_callback",
        "remove_done_callback",
        "await",
    ],
)
def test_a_future_that_was_never_initialised_refuses_to_be_used(Future, use):
    class Forgetful(Future):
        def __init__(self):
            pass

    with pytest.raises((RuntimeError, InvalidStateError)) as raised:
        use(Forgetful())
    assert str(raised.value) in (
        "Future object is not initialized.",
        "uninitialized Future object",
    )


def test_a_future_that_was_never_initialised_is_not_done(Future):
    future = Future.__new__(Future)
    assert state(future) == (False, False)


def test_a_future_without_an_owner_is_dropped_in_silence(loop):
    loop.create_future()
    future = loop.create_future()
    future.set_result(1)
    future = loop.create_future()
    future.cancel()
    del future
