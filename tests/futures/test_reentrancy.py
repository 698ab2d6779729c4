"""Python code that a future runs while it changes, and that changes the future in turn."""

import gc

import pytest


@pytest.fixture
def future(loop):
    return loop.create_future()


class Compares:
    """A callback whose comparison runs ``action`` first."""

    def __init__(self, action, equals=()):
        self.action = action
        self.equals = equals

    def __call__(self, future):
        pass

    def __eq__(self, other):
        action, self.action = self.action, None
        if action is not None:
            action()
        return other in self.equals

    __hash__ = None


def first(future):
    pass


def second(future):
    pass


def third(future):
    pass


def functions_of(future):
    return [function for function, _ in future._callbacks or []]


def test_comparing_may_add_a_callback(future):
    compares = Compares(lambda: future.add_done_callback(third))
    for callback in (first, compares, second):
        future.add_done_callback(callback)
    assert future.remove_done_callback(second) == 1
    assert functions_of(future) == [first, compares, third]


def test_comparing_may_add_what_is_being_removed(future):
    compares = Compares(lambda: future.add_done_callback(second))
    for callback in (first, compares, second):
        future.add_done_callback(callback)
    assert future.remove_done_callback(second) == 2
    assert functions_of(future) == [first, compares]


def test_comparing_may_remove_other_callbacks(future):
    compares = Compares(lambda: future.remove_done_callback(third))
    for callback in (first, compares, third, second, third):
        future.add_done_callback(callback)
    assert future.remove_done_callback(second) == 1
    assert functions_of(future) == [first, compares]


def test_a_callback_is_equal_to_itself_whatever_it_says(future):
    never = Compares(None)
    future.add_done_callback(never)
    assert future.remove_done_callback(never) == 1


def test_an_error_while_comparing_is_raised(future):
    def fail():
        raise ValueError("compared")

    for callback in (first, Compares(fail), second):
        future.add_done_callback(callback)
    with pytest.raises(ValueError, match="compared"):
        future.remove_done_callback(second)
    assert len(future._callbacks) == 3


def test_an_exceptions_class_may_end_the_future(api, future):
    class Ends(Exception):
        def __init__(self):
            future.set_result("first")

    with pytest.raises(api.InvalidStateError, match="^invalid state$"):
        future.set_exception(Ends)
    assert future.result() == "first"


def test_an_exceptions_class_may_cancel_the_future(api, future):
    class Cancels(Exception):
        def __init__(self):
            future.cancel()

    with pytest.raises(api.InvalidStateError):
        future.set_exception(Cancels)
    assert future.cancelled()


def test_the_traceback_is_read_past_properties(future):
    class Hidden(Exception):
        looked_at = 0

        def __getattribute__(self, name):
            if name == "__traceback__":
                type(self).looked_at += 1
                future.set_result("from the property")
            return super().__getattribute__(name)

    error = Hidden()
    future.set_exception(error)
    assert Hidden.looked_at == 0
    assert future.exception() is error


def test_a_result_is_refused_in_the_same_words_everywhere(api, future):
    future.set_result(1)
    for end in (lambda: future.set_result(2), lambda: future.set_exception(ValueError)):
        with pytest.raises(api.InvalidStateError, match="^invalid state$"):
            end()


def test_a_result_that_was_refused_may_come_back_when_it_goes(api, loop, future):
    seen = []

    class ComesBack:
        def __del__(self):
            seen.append(future.result())

    future.set_result("first")
    with pytest.raises(api.InvalidStateError):
        future.set_result(ComesBack())
    gc.collect()
    assert seen == ["first"]


def test_a_result_that_goes_sees_the_future_begun_anew(loop, Future):
    future = Future(loop=loop)
    seen = []

    class ComesBack:
        def __del__(self):
            seen.append(future.done())

    future.set_result(ComesBack())
    try:
        future.__init__(loop=loop)
    except RuntimeError:
        pytest.skip("from 3.15 on a future cannot be initialised a second time")
    assert seen == [False]
    assert not future.done()


def test_a_message_of_cancellation_may_come_back_when_it_goes(loop, future):
    class ComesBack:
        def __del__(self):
            future._cancel_message = "by the finalizer"

    future._cancel_message = ComesBack()
    future.cancel("by the caller")
    assert future.cancelled()
    assert future._cancel_message in ("by the caller", "by the finalizer")


@pytest.mark.parametrize("state", ["pending", "with callbacks", "awaited", "done", "cancelled"])
def test_a_future_begins_anew_in_every_state(loop, Future, turn, state):
    future = Future(loop=loop)
    called = []
    task = None
    if state == "with callbacks":
        future.add_done_callback(called.append)
        future.add_done_callback(called.append)
    elif state == "awaited":

        async def wait():
            return await future

        task = loop.create_task(wait())
        turn()
        ((wakeup, _),) = future._callbacks
    elif state == "done":
        future.add_done_callback(called.append)
        future.set_result(1)
    elif state == "cancelled":
        future.add_done_callback(called.append)
        future.cancel()
    try:
        future.__init__(loop=loop)
    except RuntimeError as error:
        assert "is already initialized" in str(error)
        if task is not None:
            future.set_result(None)
            turn(2)
        return
    assert not future.done()
    assert future._callbacks is None
    turn()
    assert called == ([future] if state in ("done", "cancelled") else [])
    future.set_result("anew")
    turn(2)
    assert future.result() == "anew"
    if task is not None:
        # The future has forgotten the task: somebody else has to wake it.
        assert not task.done()
        loop.call_soon(wakeup, future)
        turn(2)
        assert task.result() == "anew"


def test_a_future_without_a_loop_is_left_uninitialised(loop, Future, monkeypatch):
    class NoDebug:
        def get_debug(self):
            raise ValueError("no debug")

    future = Future(loop=loop)
    future.set_result(1)
    with pytest.raises((ValueError, RuntimeError)) as raised:
        future.__init__(loop=NoDebug())
    if raised.type is ValueError:
        assert not future.done()


def test_begun_anew_before_the_wakeup_the_task_is_told_so(api, loop, Future, turn):
    future = Future(loop=loop)
    seen = []

    async def wait():
        try:
            await future
        except api.InvalidStateError as error:
            seen.append(str(error))

    task = loop.create_task(wait())
    turn()
    future.set_result(None)
    try:
        future.__init__(loop=loop)
    except RuntimeError:
        seen.append("Result is not set.")
    turn(2)
    assert task.done()
    assert seen == ["Result is not set."]
