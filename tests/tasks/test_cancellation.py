"""What does cancelling a task do in each moment of its life?"""

import asyncio
import threading

import pytest

CancelledError = asyncio.CancelledError


async def forever(log=None):
    try:
        await asyncio.get_running_loop().create_future()
    except CancelledError as error:
        if log is not None:
            log.append(error.args)
        raise


def outcome_of(loop, task):
    """Runs the cancelled task to its end and hands back the arguments of its error."""
    with pytest.raises(CancelledError) as raised:
        loop.run_until_complete(task)
    assert task.cancelled() and task.done()
    return raised.value.args


def test_before_its_first_step_the_coroutine_is_not_entered(loop):
    log = []

    async def main():
        log.append("started")

    task = loop.create_task(main())
    assert task.cancel() is True
    assert not task.done() and not task.cancelled()
    assert outcome_of(loop, task) == ()
    assert log == []


def test_while_it_waits_for_a_future(loop, turn):
    log = []
    task = loop.create_task(forever(log))
    turn()
    assert task.cancel() is True
    assert not task.done()
    assert outcome_of(loop, task) == ()
    assert log == [()]


def test_while_it_is_ready_to_go_on(loop, turn):
    log = []

    async def main(future):
        try:
            await future
            log.append("went on")
        except CancelledError:
            log.append("cancelled")
            raise

    future = loop.create_future()
    task = loop.create_task(main(future))
    turn()
    future.set_result(None)
    task.cancel()
    outcome_of(loop, task)
    assert log == ["cancelled"]


def test_while_it_sleeps_for_a_turn(loop, turn):
    async def main():
        while True:
            await asyncio.sleep(0)

    task = loop.create_task(main())
    turn(3)
    task.cancel("because")
    assert outcome_of(loop, task) == ("because",)


def test_while_it_waits_for_another_task(loop, turn):
    log = []

    async def main():
        await loop.create_task(forever(log))

    task = loop.create_task(main())
    turn(2)
    task.cancel("because")
    assert outcome_of(loop, task) == ("because",)
    assert log == [("because",)]


def test_itself_at_the_next_await(loop, run):
    async def main():
        asyncio.current_task().cancel("because")
        assert asyncio.current_task().cancelling() == 1
        try:
            await asyncio.sleep(0)
        except CancelledError as error:
            asyncio.current_task().uncancel()
            return error.args

    assert run(main()) == ("because",)


def test_itself_right_before_it_returns(loop):
    async def main():
        asyncio.current_task().cancel("because")
        return "result"

    assert outcome_of(loop, loop.create_task(main())) == ("because",)


def test_itself_right_before_it_fails(loop):
    async def main():
        asyncio.current_task().cancel()
        raise ValueError("text")

    task = loop.create_task(main())
    with pytest.raises(ValueError):
        loop.run_until_complete(task)
    assert not task.cancelled()


def test_itself_and_then_awaits_a_pending_future(loop):
    future = loop.create_future()

    async def main():
        asyncio.current_task().cancel("because")
        await future

    assert outcome_of(loop, loop.create_task(main())) == ("because",)
    assert future.cancelled()


def test_itself_and_then_awaits_a_done_future(loop):
    log = []

    async def main():
        future = loop.create_future()
        future.set_result("result")
        asyncio.current_task().cancel()
        log.append(await future)
        await asyncio.sleep(0)
        log.append("too far")

    outcome_of(loop, loop.create_task(main()))
    assert log == ["result"]


def test_a_done_task_cannot_be_cancelled(loop):
    async def give(value):
        return value

    task = loop.create_task(give(42))
    loop.run_until_complete(task)
    assert task.cancel() is False
    assert task.result() == 42
    assert not task.cancelled()
    assert task.cancelling() == 0


def test_a_cancelled_task_cannot_be_cancelled_again(loop):
    task = loop.create_task(forever())
    task.cancel()
    outcome_of(loop, task)
    assert task.cancel() is False
    assert task.cancelling() == 1


def test_raising_cancelled_error_cancels_without_a_request(loop):
    async def main():
        raise CancelledError("from inside")

    task = loop.create_task(main())
    assert outcome_of(loop, task) == ("from inside",)
    assert task.cancelling() == 0


def test_a_swallowed_cancellation_is_none(loop, turn):
    async def main():
        try:
            await loop.create_future()
        except CancelledError:
            return "swallowed"

    task = loop.create_task(main())
    turn()
    task.cancel()
    assert loop.run_until_complete(task) == "swallowed"
    assert not task.cancelled()
    assert task.cancelling() == 1


def test_a_cancellation_may_become_another_exception(loop, turn):
    async def main():
        try:
            await loop.create_future()
        except CancelledError:
            raise ValueError("instead") from None

    task = loop.create_task(main())
    turn()
    task.cancel()
    with pytest.raises(ValueError):
        loop.run_until_complete(task)
    assert not task.cancelled()


def test_a_task_that_swallows_one_can_be_cancelled_again(loop, turn):
    log = []

    async def main():
        for _ in range(3):
            try:
                await loop.create_future()
            except CancelledError as error:
                log.append(error.args)
        return "in the end"

    task = loop.create_task(main())
    for number in range(3):
        turn()
        assert task.cancel(number) is True
    assert loop.run_until_complete(task) == "in the end"
    assert log == [(0,), (1,), (2,)]
    assert task.cancelling() == 3


def test_two_requests_in_one_turn_are_one_exception(loop, turn):
    log = []

    async def main():
        try:
            await loop.create_future()
        except CancelledError as error:
            log.append(error.args)
        await asyncio.sleep(0)
        return "went on"

    task = loop.create_task(main())
    turn()
    assert task.cancel("first") is True
    task.cancel("second")
    # The first request has cancelled the future; the second is thrown in together with it.
    assert loop.run_until_complete(task) == "went on"
    assert len(log) == 1
    assert task.cancelling() == 2


def test_cleaning_up_may_await(loop, turn):
    log = []

    async def main():
        try:
            await loop.create_future()
        finally:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            log.append("cleaned up")

    task = loop.create_task(main())
    turn()
    task.cancel("because")
    assert outcome_of(loop, task) == ("because",)
    assert log == ["cleaned up"]


def test_a_task_that_ignores_it_keeps_its_awaiter_waiting(loop, turn):
    async def stubborn(future):
        try:
            await asyncio.sleep(3600)
        except CancelledError:
            return await future

    async def main(child):
        return await child

    future = loop.create_future()
    child = loop.create_task(stubborn(future))
    parent = loop.create_task(main(child))
    turn(2)
    parent.cancel()
    turn(3)
    assert not child.done() and not parent.done()
    future.set_result("stubborn")
    assert loop.run_until_complete(parent) == "stubborn"


def test_cancelling_the_awaited_task_reaches_the_awaiter(loop, run):
    async def main():
        child = loop.create_task(forever())
        await asyncio.sleep(0)
        child.cancel("because")
        with pytest.raises(CancelledError) as raised:
            await child
        assert asyncio.current_task().cancelling() == 0
        return raised.value.args

    assert run(main()) == ("because",)


def test_cancelling_from_another_thread(loop, run):
    async def main():
        child = loop.create_task(forever())
        await asyncio.sleep(0)
        thread = threading.Thread(
            target=loop.call_soon_threadsafe, args=(child.cancel, "from a thread")
        )
        thread.start()
        with pytest.raises(CancelledError) as raised:
            await child
        thread.join()
        return raised.value.args

    assert run(main()) == ("from a thread",)


def test_a_generator_inside_is_closed_on_the_way(loop, turn):
    log = []

    class Awaitable:
        def __await__(self):
            try:
                yield from loop.create_future().__await__()
            finally:
                log.append("closed")

    async def main():
        await Awaitable()

    task = loop.create_task(main())
    turn()
    task.cancel()
    outcome_of(loop, task)
    assert log == ["closed"]
