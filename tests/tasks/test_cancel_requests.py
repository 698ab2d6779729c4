"""Messages, counters and chains: what does a cancellation carry?"""

import asyncio
import sys
import traceback

import pytest

CancelledError = asyncio.CancelledError


@pytest.mark.parametrize("message", ["because", "", 0, ("a", "tuple"), False])
@pytest.mark.parametrize("started", [False, True], ids=["before start", "while waiting"])
def test_cancel_message_reaches_the_coroutine_and_the_awaiter(loop, turn, message, started):
    seen = []

    async def main():
        try:
            await loop.create_future()
        except CancelledError as error:
            seen.append(error.args)
            raise

    task = loop.create_task(main())
    if started:
        turn()
    task.cancel(message)
    with pytest.raises(CancelledError) as raised:
        loop.run_until_complete(task)
    assert raised.value.args == (message,)
    assert seen == ([(message,)] if started else [])


def test_no_message_is_the_same_as_none(loop):
    async def main():
        pass

    for arguments in ((), (None,)):
        task = loop.create_task(main())
        task.cancel(*arguments)
        with pytest.raises(CancelledError) as raised:
            loop.run_until_complete(task)
        assert raised.value.args == ()


def test_the_last_message_before_the_first_step_counts(loop):
    async def main():
        pass

    task = loop.create_task(main())
    task.cancel("first")
    task.cancel("second")
    with pytest.raises(CancelledError) as raised:
        loop.run_until_complete(task)
    assert raised.value.args == ("second",)


def test_the_message_may_be_named(loop):
    async def main():
        pass

    task = loop.create_task(main())
    task.cancel(msg="because")
    with pytest.raises(CancelledError) as raised:
        loop.run_until_complete(task)
    assert raised.value.args == ("because",)


def test_the_message_passes_through_a_chain_of_tasks(loop, turn):
    async def chain(length):
        if length:
            await loop.create_task(chain(length - 1))
        else:
            await loop.create_future()

    task = loop.create_task(chain(10))
    turn(12)
    task.cancel("because")
    with pytest.raises(CancelledError) as raised:
        loop.run_until_complete(task)
    assert raised.value.args == ("because",)


def test_the_awaiter_sees_where_the_cancellation_struck(loop, turn):
    async def inner():
        await loop.create_future()

    async def child():
        await inner()

    task = loop.create_task(child())
    turn()
    task.cancel()
    with pytest.raises(CancelledError) as raised:
        loop.run_until_complete(task)
    names = [frame.name for frame in traceback.extract_tb(raised.value.__traceback__)]
    assert names[-2:] == ["child", "inner"]


def test_the_error_of_the_coroutine_is_the_one_the_awaiter_gets(loop, run):
    seen = []

    async def child():
        try:
            await loop.create_future()
        except CancelledError as error:
            seen.append(error)
            raise

    async def main():
        task = loop.create_task(child())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(CancelledError) as raised:
            await task
        assert raised.value is seen[0]

    run(main())


def test_the_error_keeps_its_context(loop, run):
    async def child():
        try:
            raise ValueError("before")
        except ValueError:
            await loop.create_future()

    async def main():
        task = loop.create_task(child())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(CancelledError) as raised:
            await task
        return raised.value.__context__

    assert repr(run(main())) == "ValueError('before')"


def test_asking_again_raises_again(loop):
    async def main():
        await loop.create_future()

    task = loop.create_task(main())
    task.cancel("because")
    with pytest.raises(CancelledError):
        loop.run_until_complete(task)
    for _ in range(2):
        with pytest.raises(CancelledError):
            task.result()
        with pytest.raises(CancelledError):
            task.exception()


def test_requests_are_counted(loop, turn):
    async def main():
        await loop.create_future()

    task = loop.create_task(main())
    assert task.cancelling() == 0
    for count in range(1, 4):
        task.cancel()
        assert task.cancelling() == count
    with pytest.raises(CancelledError):
        loop.run_until_complete(task)
    assert task.cancelling() == 3


def test_uncancel_takes_requests_back(loop, turn):
    async def main():
        try:
            await loop.create_future()
        except CancelledError:
            return [task.cancelling(), task.uncancel(), task.uncancel(), task.uncancel()]

    task = loop.create_task(main())
    turn()
    task.cancel()
    task.cancel()
    assert loop.run_until_complete(task) == [2, 1, 0, 0]
    assert task.cancelling() == 0


def test_uncancel_without_a_request(loop, turn):
    async def main():
        pass

    task = loop.create_task(main())
    assert task.uncancel() == 0
    assert task.cancelling() == 0
    turn()


@pytest.mark.skipif(
    sys.version_info < (3, 13), reason="since 3.13 a request that was taken back is not thrown in"
)
def test_a_request_taken_back_in_time_is_forgotten(loop):
    async def main():
        return "ran"

    task = loop.create_task(main())
    task.cancel()
    assert task.uncancel() == 0
    assert task._must_cancel is False
    assert loop.run_until_complete(task) == "ran"


def test_taking_back_one_of_two_requests_keeps_the_cancellation(loop):
    async def main():
        return "ran"

    task = loop.create_task(main())
    task.cancel()
    task.cancel()
    assert task.uncancel() == 1
    with pytest.raises(CancelledError):
        loop.run_until_complete(task)


def test_a_task_that_recovers_goes_on_normally(loop, run):
    async def recovering():
        for _ in range(5):
            try:
                asyncio.current_task().cancel()
                await asyncio.sleep(0)
            except CancelledError:
                asyncio.current_task().uncancel()
        return asyncio.current_task().cancelling()

    assert run(recovering()) == 0


@pytest.mark.skipif(
    sys.version_info < (3, 13), reason="TaskGroup keeps an outer request since 3.13"
)
def test_a_cancelled_parent_of_a_failing_group_stays_cancelled(loop, run):
    async def fail():
        raise ValueError

    async def main():
        with pytest.raises(ExceptionGroup):
            async with asyncio.TaskGroup() as group:
                group.create_task(fail())
                await asyncio.sleep(0)
                asyncio.current_task().cancel()
        with pytest.raises(CancelledError):
            await asyncio.sleep(0)
        return asyncio.current_task().uncancel()

    assert run(main()) == 0
