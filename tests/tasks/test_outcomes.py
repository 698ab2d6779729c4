"""How does a task end, and what is left of it?"""

import asyncio
import gc

import pytest


class Custom(BaseException):
    """An exception that ``except Exception`` does not catch."""


async def give(value):
    return value


async def fail(exception):
    raise exception


@pytest.mark.parametrize(
    "value", [None, 42, (), (1, 2), StopIteration(3), ValueError("a value"), [None]], ids=repr
)
def test_any_object_is_a_result(loop, run, value):
    async def main():
        task = loop.create_task(give(value))
        assert await task is value
        assert task.result() is value
        assert task.exception() is None
        assert task.done() and not task.cancelled()

    run(main())


@pytest.mark.parametrize("kind_of", [ValueError, Custom, GeneratorExit, asyncio.TimeoutError])
def test_an_exception_is_kept_and_reaches_the_awaiter(loop, run, kind_of):
    exception = kind_of("text")

    async def main():
        task = loop.create_task(fail(exception))
        with pytest.raises(kind_of) as raised:
            await task
        assert raised.value is exception
        assert task.exception() is exception
        assert task.done() and not task.cancelled()
        with pytest.raises(kind_of):
            task.result()

    run(main())


def test_the_traceback_leads_into_the_coroutine(loop, run):
    async def inner():
        raise ValueError("text")

    async def outer():
        await inner()

    async def main():
        with pytest.raises(ValueError) as raised:
            await loop.create_task(outer())
        return [entry.name for entry in raised.traceback]

    names = run(main())
    assert names[-2:] == ["outer", "inner"]


def test_stop_iteration_from_a_coroutine_is_a_runtime_error(loop, run):
    async def main():
        with pytest.raises(RuntimeError) as raised:
            await loop.create_task(fail(StopIteration("text")))
        assert str(raised.value) == "coroutine raised StopIteration"

    run(main())


def test_a_pending_task_has_no_outcome(loop, turn):
    task = loop.create_task(give(1))
    with pytest.raises(asyncio.InvalidStateError) as raised:
        task.result()
    assert str(raised.value) == "Result is not set."
    with pytest.raises(asyncio.InvalidStateError) as raised:
        task.exception()
    assert str(raised.value) == "Exception is not set."
    turn()


def test_a_result_cannot_be_set_from_outside(loop, turn):
    task = loop.create_task(give(1))
    with pytest.raises(RuntimeError) as raised:
        task.set_result(2)
    assert str(raised.value) == "Task does not support set_result operation"
    with pytest.raises(RuntimeError) as raised:
        task.set_exception(ValueError())
    assert str(raised.value) == "Task does not support set_exception operation"
    turn()
    assert task.result() == 1


def test_an_awaited_task_is_handed_its_result_through_many_levels(loop, run):
    async def nested(depth):
        if depth == 0:
            await asyncio.sleep(0)
            return 0
        return 1 + await loop.create_task(nested(depth - 1))

    assert run(nested(200)) == 200


def test_deep_coroutines_resume_where_they_were(loop, run):
    async def nested(depth):
        if depth == 0:
            future = loop.create_future()
            loop.call_soon(future.set_result, 0)
            return await future
        return 1 + await nested(depth - 1)

    assert run(nested(200)) == 200


def test_several_tasks_may_await_one(loop, run):
    async def main():
        task = loop.create_task(asyncio.sleep(0, "result"))

        async def waiter():
            return await task

        return await asyncio.gather(*(waiter() for _ in range(5)))

    assert run(main()) == ["result"] * 5


def test_an_awaiter_of_a_done_task_goes_on_at_once(loop, run):
    async def main():
        task = loop.create_task(give(42))
        await asyncio.sleep(0)
        assert task.done()
        log = []
        loop.call_soon(log.append, "next iteration")
        assert await task == 42
        assert log == []

    run(main())


def test_the_awaiter_is_woken_in_the_turn_after_the_end(loop, turn):
    log = []

    async def child():
        log.append("child")

    async def parent():
        await loop.create_task(child())
        log.append("parent")

    task = loop.create_task(parent())
    turn()
    assert log == []
    turn()
    assert log == ["child"]
    turn()
    assert log == ["child", "parent"]
    assert task.done()


def test_sleep_zero_takes_one_turn(loop, turn):
    log = []

    async def main():
        for number in range(3):
            log.append(number)
            await asyncio.sleep(0)

    task = loop.create_task(main())
    for expected in range(1, 4):
        turn()
        assert log == list(range(expected))
    turn()
    assert task.done()


def test_tasks_take_turns(loop, run):
    log = []

    async def worker(name):
        for number in range(3):
            log.append((name, number))
            await asyncio.sleep(0)

    async def main():
        await asyncio.gather(worker("a"), worker("b"))

    run(main())
    assert log == [("a", 0), ("b", 0), ("a", 1), ("b", 1), ("a", 2), ("b", 2)]


def test_done_callbacks_are_given_the_task(loop, turn):
    seen = []
    task = loop.create_task(give(42))
    task.add_done_callback(seen.append)
    turn()
    assert seen == []
    turn()
    assert seen == [task]


def test_a_callback_that_fails_does_not_harm_the_task(loop, turn, reported):
    task = loop.create_task(give(42))
    task.add_done_callback(lambda _: 1 / 0)
    turn(2)
    assert task.result() == 42
    assert isinstance(reported.take_one()["exception"], ZeroDivisionError)


def test_an_exception_nobody_retrieved_is_reported(loop, turn, reported):
    loop.create_task(fail(ValueError("text")), name="the name")
    turn()
    gc.collect()
    context = reported.take_one()
    assert context["message"] == "Task exception was never retrieved"
    assert str(context["exception"]) == "text"
    assert set(context) == {"message", "exception", "future"}


def test_a_pending_task_that_is_destroyed_is_reported(loop, turn, reported):
    async def main():
        await loop.create_future()

    task = loop.create_task(main(), name="the name")
    turn()
    identity = id(task)
    del task
    gc.collect()
    context = reported.take_one()
    assert set(context) == {"message", "task"}
    assert context["message"] == "Task was destroyed but it is pending!"
    assert id(context["task"]) == identity


def test_the_log_shows_the_destroyed_task(loop, turn, logged):
    async def main():
        await loop.create_future()

    task = loop.create_task(main(), name="the name")
    turn()
    del task
    gc.collect()
    first, second = logged.take_one().getMessage().splitlines()
    assert first == "Task was destroyed but it is pending!"
    # Whether the collector has closed the coroutine by then is up to the collector.
    assert second.startswith(f"task: <Task pending name='the name' coro=<{main.__qualname__}() ")


def test_a_destroyed_task_may_be_declared_harmless(loop, turn, reported):
    async def main():
        await loop.create_future()

    task = loop.create_task(main())
    turn()
    task._log_destroy_pending = False
    del task
    gc.collect()
    assert reported == []


def test_a_destroyed_task_closes_its_coroutine(loop, turn, reported):
    log = []

    async def main():
        try:
            await loop.create_future()
        finally:
            log.append("closed")

    task = loop.create_task(main())
    turn()
    del task
    gc.collect()
    assert log == ["closed"]
    assert reported.take_one()["message"] == "Task was destroyed but it is pending!"


def test_a_task_of_a_loop_that_is_closed_is_destroyed_when_dropped(loop, logged):
    async def main():
        await loop.create_future()

    task = loop.create_task(main())
    loop.stop()
    loop.run_forever()
    loop.close()
    del task
    gc.collect()
    assert logged.take_one().getMessage().startswith("Task was destroyed but it is pending!")
