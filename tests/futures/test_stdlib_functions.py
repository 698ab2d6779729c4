"""Do the functions of the standard library work on the futures and tasks of this loop?"""

import asyncio
import gc

import pytest


async def give(value):
    await asyncio.sleep(0)
    return value


async def fail(exception):
    await asyncio.sleep(0)
    raise exception


async def forever(log=None):
    try:
        await asyncio.get_running_loop().create_future()
    except asyncio.CancelledError:
        if log is not None:
            log.append("cancelled")
        raise


def test_ensure_future_leaves_a_future_as_it_is(loop):
    future = loop.create_future()
    assert asyncio.ensure_future(future) is future
    assert asyncio.ensure_future(future, loop=loop) is future


def test_ensure_future_makes_a_task_of_a_coroutine(loop, Task):
    task = asyncio.ensure_future(give(42), loop=loop)
    assert type(task) is Task
    assert loop.run_until_complete(task) == 42


def test_ensure_future_refuses_a_future_of_another_loop(loop, new_loop):
    with pytest.raises(ValueError) as raised:
        asyncio.ensure_future(new_loop().create_future(), loop=loop)
    assert str(raised.value) == (
        "The future belongs to a different loop than the one specified as the loop argument"
    )


def test_sleep(loop, run):
    async def main():
        before = loop.time()
        assert await asyncio.sleep(0.01, "result") == "result"
        assert loop.time() - before >= 0.009
        assert await asyncio.sleep(0, "at once") == "at once"
        assert await asyncio.sleep(-1, "at once") == "at once"

    run(main())


def test_a_cancelled_sleep_cancels_its_timer(loop, run):
    async def main():
        task = loop.create_task(asyncio.sleep(3600))
        await asyncio.sleep(0)
        task.cancel("because")
        with pytest.raises(asyncio.CancelledError) as raised:
            await task
        assert raised.value.args == ("because",)

    run(main())


def test_gather_keeps_the_order_of_its_arguments(loop, run):
    async def main():
        future = loop.create_future()
        loop.call_soon(loop.call_soon, future.set_result, "future")
        task = loop.create_task(give("task"))
        return await asyncio.gather(future, task, give("coroutine"), future)

    assert run(main()) == ["future", "task", "coroutine", "future"]


def test_gather_of_nothing(run):
    async def main():
        return await asyncio.gather()

    assert run(main()) == []


def test_gather_raises_the_first_exception(loop, run):
    async def main():
        with pytest.raises(ValueError) as raised:
            await asyncio.gather(give(1), fail(ValueError("first")), loop.create_future())
        return raised.value.args

    assert run(main()) == ("first",)


def test_gather_returns_exceptions_when_asked_to(loop, run):
    async def main():
        cancelled = loop.create_future()
        cancelled.cancel("because")
        return await asyncio.gather(
            give(1), fail(ValueError("text")), cancelled, return_exceptions=True
        )

    one, error, cancellation = run(main())
    assert one == 1
    assert repr(error) == "ValueError('text')"
    assert type(cancellation) is asyncio.CancelledError


def test_cancelling_a_gather_cancels_its_children(loop, run):
    log = []

    async def main():
        future = loop.create_future()
        gathering = asyncio.gather(forever(log), forever(log), future)
        await asyncio.sleep(0)
        gathering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gathering
        assert log == ["cancelled", "cancelled"]
        assert future.cancelled()

    run(main())


def test_gather_refuses_futures_of_two_loops(loop, new_loop):
    with pytest.raises(ValueError) as raised:
        asyncio.gather(loop.create_future(), new_loop().create_future())
    assert str(raised.value) == (
        "The future belongs to a different loop than the one specified as the loop argument"
    )


def test_wait_for_all(loop, run):
    async def main():
        futures = [loop.create_future() for _ in range(3)]
        for number, future in enumerate(futures):
            loop.call_soon(future.set_result, number)
        done, pending = await asyncio.wait(futures)
        assert done == set(futures) and pending == set()

    run(main())


def test_wait_for_the_first(loop, run):
    async def main():
        slow, quick = loop.create_future(), loop.create_task(give(1))
        done, pending = await asyncio.wait([slow, quick], return_when=asyncio.FIRST_COMPLETED)
        assert done == {quick} and pending == {slow}
        assert not slow._callbacks

    run(main())


def test_wait_for_the_first_exception(loop, run):
    async def main():
        slow = loop.create_future()
        failed, quick = loop.create_task(fail(ValueError())), loop.create_task(give(1))
        done, pending = await asyncio.wait(
            [slow, quick, failed], return_when=asyncio.FIRST_EXCEPTION
        )
        assert done == {quick, failed} and pending == {slow}
        assert type(failed.exception()) is ValueError

    run(main())


def test_wait_gives_up_after_its_timeout(loop, run):
    async def main():
        future = loop.create_future()
        done, pending = await asyncio.wait([future], timeout=0.001)
        assert done == set() and pending == {future}
        assert not future.cancelled()

    run(main())


def test_wait_for_a_result_in_time(loop, run):
    async def main():
        future = loop.create_future()
        loop.call_soon(future.set_result, 42)
        assert await asyncio.wait_for(future, 10) == 42
        assert await asyncio.wait_for(give(43), None) == 43

    run(main())


@pytest.mark.parametrize("timeout", [0.001, 0, -1])
def test_wait_for_too_long(loop, run, timeout):
    async def main():
        future = loop.create_future()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(future, timeout)
        assert future.cancelled()

    run(main())


def test_a_timeout_block_ends_what_is_inside(loop, run):
    async def main():
        future = loop.create_future()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001) as block:
                await future
        assert block.expired()
        assert future.cancelled()
        assert asyncio.current_task().cancelling() == 0

    run(main())


def test_a_timeout_block_that_is_not_needed(loop, run):
    async def main():
        async with asyncio.timeout(3600) as block:
            assert await give(42) == 42
        assert not block.expired()

    run(main())


def test_a_timeout_block_inside_another(run):
    async def main():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001) as outer:
                async with asyncio.timeout(3600) as inner:
                    await forever()
        assert outer.expired() and not inner.expired()

    run(main())


def test_shield_protects_from_cancellation(loop, run):
    async def main():
        inner = loop.create_future()
        outer = asyncio.shield(inner)
        outer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await outer
        assert not inner.done()
        inner.set_result(42)
        assert await asyncio.shield(inner) == 42

    run(main())


def test_shield_passes_results_exceptions_and_cancellations_on(loop, run):
    async def main():
        assert await asyncio.shield(give(42)) == 42
        with pytest.raises(ValueError):
            await asyncio.shield(fail(ValueError()))
        inner = loop.create_future()
        loop.call_soon(inner.cancel)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.shield(inner)

    run(main())


def test_as_completed(loop, run):
    async def main():
        futures = [loop.create_future() for _ in range(4)]
        for turn, number in enumerate((2, 0, 3, 1)):
            loop.call_at(loop.time() - 4 + turn, futures[number].set_result, number)
        return [await next_one for next_one in asyncio.as_completed(futures)]

    assert run(main()) == [2, 0, 3, 1]


def test_a_task_group(loop, run, Task):
    async def main():
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(give(number)) for number in range(3)]
        assert all(type(task) is Task for task in tasks)
        return [task.result() for task in tasks]

    assert run(main()) == [0, 1, 2]


def test_a_failure_in_a_task_group_cancels_the_others(run):
    log = []

    async def main():
        with pytest.raises(ExceptionGroup) as raised:
            async with asyncio.TaskGroup() as group:
                group.create_task(forever(log))
                group.create_task(fail(ValueError("text")))
                await forever(log)
        assert [repr(error) for error in raised.value.exceptions] == ["ValueError('text')"]
        assert asyncio.current_task().cancelling() == 0

    run(main())
    assert log == ["cancelled", "cancelled"]


def test_a_task_group_inside_a_timeout(run):
    log = []

    async def main():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                async with asyncio.TaskGroup() as group:
                    group.create_task(forever(log))
                    group.create_task(forever(log))

    run(main())
    assert log == ["cancelled", "cancelled"]


def test_locks_events_queues_and_conditions(loop, run):
    async def main():
        lock, event, queue = asyncio.Lock(), asyncio.Event(), asyncio.Queue(1)
        condition, semaphore = asyncio.Condition(), asyncio.Semaphore(2)
        log = []

        async def produce():
            for number in range(5):
                await queue.put(number)
            async with condition:
                condition.notify_all()

        async def consume():
            for _ in range(5):
                async with lock, semaphore:
                    log.append(await queue.get())
            event.set()

        async with asyncio.TaskGroup() as group:
            async with condition:
                group.create_task(produce())
                group.create_task(consume())
                await condition.wait()
            await event.wait()
        return log

    assert run(main()) == [0, 1, 2, 3, 4]


def test_nothing_of_it_is_left_behind(loop, run, reported):
    async def main():
        await asyncio.gather(give(1), give(2))
        await asyncio.wait([loop.create_task(give(1))])
        async with asyncio.TaskGroup() as group:
            group.create_task(give(1))
        return asyncio.all_tasks() == {asyncio.current_task()}

    assert run(main())
    gc.collect()
    assert reported == []
    assert asyncio.all_tasks(loop) == set()
