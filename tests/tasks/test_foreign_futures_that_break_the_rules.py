"""Futures of others that call a task back twice, at the wrong time, or with something else."""

import sys

import pytest

#: What asyncio calls the step in its errors.
STEP = "_step" if sys.version_info < (3, 14) else "__step"


class Foreign:
    """Has what a task asks of a future, and calls back when and with what the test likes."""

    _asyncio_future_blocking = False

    def __init__(self, loop, at_once=False):
        self.loop = loop
        self.at_once = at_once
        self.callbacks = []
        self.outcome = None

    def get_loop(self):
        return self.loop

    def add_done_callback(self, callback, *, context=None):
        self.callbacks.append(callback)
        if self.at_once:
            callback(self)

    def cancel(self, msg=None):
        return False

    def result(self):
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome

    def __await__(self):
        self._asyncio_future_blocking = True
        yield self
        return self.result()


class Once:
    """Yields a future once and goes on, whatever has brought the next step about."""

    def __init__(self, future):
        self.future = future

    def __await__(self):
        self.future._asyncio_future_blocking = True
        yield self.future
        return "gone on"


@pytest.fixture
def foreign(loop):
    return Foreign(loop)


@pytest.fixture
def awaiting(loop, Task, turn):
    """A task that awaits one after the other, and the list of what came of each."""

    def start(*awaitables):
        seen = []

        async def await_each():
            for awaitable in awaitables:
                try:
                    seen.append(await awaitable)
                except Exception as error:
                    seen.append(str(error))

        task = Task(await_each(), loop=loop)
        turn()
        return task, seen

    return start


@pytest.fixture
def call(loop, turn):
    """Has the loop call each callback with its argument, in one iteration, and runs one more."""

    def schedule(*calls):
        for callback, argument in calls:
            loop.call_soon(callback, argument)
        turn(2)

    return schedule


def test_the_second_call_steps_what_waits_for_something_else(loop, foreign, awaiting, call, turn):
    future = loop.create_future()
    task, seen = awaiting(foreign, Once(future), Foreign(loop))
    wakeup = foreign.callbacks[0]
    call((wakeup, foreign), (wakeup, foreign))
    assert seen == [None, "gone on"]
    # The task waits for the last one, but the future wakes it up all the same.
    future.set_result("late")
    turn(2)
    assert seen == [None, "gone on", None]
    assert task.done()


def test_a_failed_future_that_was_passed_over_throws_into_the_next_wait(
    loop, foreign, awaiting, call, turn
):
    future = loop.create_future()
    task, seen = awaiting(foreign, Once(future), Foreign(loop))
    call((foreign.callbacks[0], foreign), (foreign.callbacks[0], foreign))
    future.set_exception(ValueError("of the future"))
    turn(2)
    assert seen == [None, "gone on", "of the future"]
    assert task.done()


def test_a_future_is_passed_over_after_it_was_done(loop, foreign, awaiting, turn, reported):
    first, second = loop.create_future(), loop.create_future()
    task, seen = awaiting(foreign, Once(first), Once(second), Foreign(loop))
    wakeup = foreign.callbacks[0]
    loop.call_soon(wakeup, foreign)
    turn(2)
    # Both wake-ups are behind the calls that are too much.
    loop.call_soon(wakeup, foreign)
    loop.call_soon(second.set_result, None)
    loop.call_soon(wakeup, foreign)
    first.set_exception(ValueError("of the first"))
    turn()
    assert seen[:3] == [None, "gone on", "gone on"]
    turn()
    assert seen == [None, "gone on", "gone on", "of the first"]
    assert task.done()
    # The wake-up by the second one is left.
    assert str(reported.take_one()["exception"]).startswith(f"{STEP}(): already done: ")


def test_a_second_await_of_the_same_future_is_woken_twice(loop, foreign, awaiting, call, turn):
    future = loop.create_future()
    task, seen = awaiting(foreign, future, Foreign(loop))
    call((foreign.callbacks[0], foreign), (foreign.callbacks[0], foreign))
    assert seen == [None]
    assert len(future._callbacks) == 2
    future.set_result("value")
    turn(2)
    assert seen == [None, "value", None]
    assert task.done()


def test_the_task_can_be_cancelled_after_it_has_gone_on(loop, foreign, awaiting, call, turn):
    future = loop.create_future()
    last = loop.create_future()
    task, seen = awaiting(foreign, Once(future), last)
    call((foreign.callbacks[0], foreign), (foreign.callbacks[0], foreign))
    task.cancel()
    turn(2)
    assert task.cancelled()
    assert last.cancelled()
    assert not future.done()
    future.cancel()
    loop.set_exception_handler(lambda loop, context: None)
    turn(2)


def test_calls_after_the_end_are_an_error_of_the_callback(loop, foreign, awaiting, call, reported):
    task, seen = awaiting(foreign)
    wakeup = foreign.callbacks[0]
    call((wakeup, foreign))
    assert task.done()
    call((wakeup, foreign))
    error = reported.take_one()["exception"]
    assert type(error).__name__ == "InvalidStateError"
    assert str(error) == f"{STEP}(): already done: {task!r} None"
    foreign.outcome = ValueError("late")
    call((wakeup, foreign))
    error = reported.take_one()["exception"]
    assert str(error) == f"{STEP}(): already done: {task!r} ValueError('late')"


def test_a_future_may_call_with_another_one(loop, foreign, awaiting, call):
    other = loop.create_future()
    other.set_exception(ValueError("of another"))
    task, seen = awaiting(foreign)
    call((foreign.callbacks[0], other))
    assert seen == ["of another"]
    assert task.done()


def test_a_future_may_call_with_a_pending_one(api, loop, foreign, awaiting, call):
    task, seen = awaiting(foreign)
    call((foreign.callbacks[0], loop.create_future()))
    assert seen == ["Result is not set."]
    assert task.done()


def test_a_future_may_call_with_what_is_none(loop, foreign, awaiting, call):
    task, seen = awaiting(foreign)
    call((foreign.callbacks[0], 5))
    assert seen == ["'int' object has no attribute 'result'"]
    assert task.done()


def test_a_future_may_call_with_the_task_itself(loop, foreign, awaiting, call):
    task, seen = awaiting(foreign)
    call((foreign.callbacks[0], task))
    assert seen == ["Result is not set."]
    assert task.done()


def test_a_call_inside_the_step_is_refused(loop, Task, turn, reported):
    foreign = Foreign(loop, at_once=True)

    async def wait():
        await foreign

    task = Task(wait(), loop=loop)
    turn(2)
    error = reported.take_one()["exception"]
    assert isinstance(error, RuntimeError)
    assert str(error).startswith("Cannot enter into task ")
    assert not task.done()
    task._log_destroy_pending = False
    foreign.at_once = False
    loop.call_soon(foreign.callbacks[0], foreign)
    turn()
    assert task.done()


def test_a_call_from_another_task_is_refused(loop, Task, foreign, awaiting, turn):
    task, seen = awaiting(foreign)
    caught = []

    async def intrude():
        try:
            foreign.callbacks[0](foreign)
        except RuntimeError as error:
            caught.append(str(error)[:23])

    intruder = Task(intrude(), loop=loop)
    turn()
    assert intruder.done()
    assert caught == ["Cannot enter into task "]
    assert not task.done()
    loop.call_soon(foreign.callbacks[0], foreign)
    turn()
    assert seen == [None]


def test_one_that_never_calls_is_left_by_cancellation(api, loop, foreign, awaiting, turn):
    task, seen = awaiting(foreign)
    assert task.cancel()
    loop.call_soon(foreign.callbacks[0], foreign)
    turn()
    assert task.cancelled()


def test_a_call_while_the_loop_does_not_run(loop, foreign, awaiting, turn):
    task, seen = awaiting(foreign)
    if sys.version_info >= (3, 14):
        with pytest.raises(RuntimeError, match="^loop .* is not the running loop$"):
            foreign.callbacks[0](foreign)
        assert seen == []
        loop.call_soon(foreign.callbacks[0], foreign)
        turn()
    else:
        foreign.callbacks[0](foreign)
    assert seen == [None]


def test_the_wakeup_of_a_future_of_ours_can_be_called_by_anybody(loop, awaiting, foreign, turn):
    future = loop.create_future()
    task, seen = awaiting(Once(future), Foreign(loop))
    ((wakeup, _),) = future._callbacks
    loop.call_soon(wakeup, foreign)
    turn(2)
    assert seen == ["gone on"]
    future.set_result(None)
    turn(2)
    assert seen == ["gone on", None]
    assert task.done()


def test_a_task_that_began_anew_is_still_woken_by_what_it_waited_for(api, loop, awaiting, turn):
    future, other = loop.create_future(), loop.create_future()
    task, seen = awaiting(future)
    steps = []

    async def anew():
        steps.append("begins")
        try:
            await other
        except ValueError as error:
            steps.append(str(error))

    coroutine, second = task.get_coro(), anew()
    try:
        task.__init__(second, loop=loop)
    except RuntimeError:
        # From 3.15 on it cannot.
        second.close()
        future.set_result(None)
        turn(2)
        pytest.skip("a task cannot be initialised a second time")
    turn()
    future.set_exception(ValueError("of the first life"))
    turn(2)
    assert steps == ["begins", "of the first life"]
    assert task.done()
    coroutine.close()
