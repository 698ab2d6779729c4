"""What does cancelling a future do, and who hears of it?"""

import asyncio

import pytest

CancelledError = asyncio.CancelledError


@pytest.fixture
def future(loop):
    return loop.create_future()


def cancelled_error_of(future):
    with pytest.raises(CancelledError) as raised:
        future.result()
    return raised.value


def test_cancel_without_a_message(future):
    assert future.cancel() is True
    assert cancelled_error_of(future).args == ()


@pytest.mark.parametrize("message", ["because", "", 0, ("a", "tuple"), False])
def test_the_message_reaches_whoever_asks_for_the_result(future, message):
    future.cancel(message)
    assert cancelled_error_of(future).args == (message,)
    with pytest.raises(CancelledError) as raised:
        future.exception()
    assert raised.value.args == (message,)


def test_the_message_may_be_named(future):
    future.cancel(msg="because")
    assert cancelled_error_of(future).args == ("because",)


def test_no_message_is_the_same_as_none(future):
    future.cancel(None)
    assert cancelled_error_of(future).args == ()


def test_each_question_is_answered_by_a_new_exception(future):
    future.cancel("because")
    assert cancelled_error_of(future) is not cancelled_error_of(future)


def test_the_first_cancellation_counts(future):
    assert future.cancel("first") is True
    assert future.cancel("second") is False
    assert cancelled_error_of(future).args == ("first",)


def test_a_done_future_cannot_be_cancelled(loop):
    future = loop.create_future()
    future.set_result(1)
    assert future.cancel() is False
    assert not future.cancelled()
    assert future.result() == 1


def test_cancelling_a_failed_future_counts_as_having_seen_the_failure(loop, logged):
    future = loop.create_future()
    future.set_exception(ValueError())
    assert future.cancel() is False
    del future
    assert logged.take() == []


def test_a_cancelled_future_takes_no_outcome(future):
    future.cancel()
    with pytest.raises(asyncio.InvalidStateError):
        future.set_result(1)
    with pytest.raises(asyncio.InvalidStateError):
        future.set_exception(ValueError())
    assert future.cancelled()


def test_cancel_message_reaches_the_awaiter(loop, run, future):
    async def main():
        loop.call_soon(future.cancel, "because")
        with pytest.raises(CancelledError) as raised:
            await future
        return raised.value.args

    assert run(main()) == ("because",)


def test_an_awaiter_that_does_not_catch_it_is_cancelled_with_the_message(loop, turn, future):
    async def waiter():
        await future

    task = loop.create_task(waiter())
    turn()
    future.cancel("because")
    with pytest.raises(CancelledError) as raised:
        loop.run_until_complete(task)
    assert task.cancelled()
    assert task.cancelling() == 0
    assert raised.value.args == ("because",)


def test_cancelling_wakes_every_awaiter(loop, run, future):
    async def waiter():
        try:
            await future
        except CancelledError as error:
            return error.args

    async def main():
        tasks = [loop.create_task(waiter()) for _ in range(3)]
        await asyncio.sleep(0)
        future.cancel("because")
        return [await task for task in tasks]

    assert run(main()) == [("because",)] * 3


def test_awaiting_a_cancelled_future_does_not_suspend(run, future):
    future.cancel("because")

    async def main():
        with pytest.raises(CancelledError) as raised:
            await future
        return raised.value.args

    assert run(main()) == ("because",)


def test_cancelling_the_awaiter_cancels_the_future_with_its_message(loop, turn, future):
    async def waiter():
        await future

    task = loop.create_task(waiter())
    turn()
    task.cancel("because")
    assert future.cancelled()
    assert cancelled_error_of(future).args == ("because",)
    with pytest.raises(CancelledError) as raised:
        loop.run_until_complete(task)
    assert raised.value.args == ("because",)


def test_the_message_can_be_read_and_changed(future):
    assert future._cancel_message is None
    future.cancel("because")
    assert future._cancel_message == "because"
    future._cancel_message = "changed"
    assert cancelled_error_of(future).args == ("changed",)


def test_the_exception_that_a_cancelled_future_would_raise(future):
    future.cancel("because")
    error = future._make_cancelled_error()
    assert type(error) is CancelledError
    assert error.args == ("because",)
