"""Is a task with everything around it collected once nobody can reach it?"""

import asyncio
import contextvars
import gc
import weakref

import pytest


class Thing:
    """Something that can be weakly referenced."""


@pytest.fixture
def without_collector():
    """Only reference counting frees memory during the test."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_dropping_the_last_reference_collects_task_coroutine_and_future(loop, turn):
    async def main(future, thing):
        await future

    thing = Thing()
    future = loop.create_future()
    coroutine = main(future, thing)
    task = loop.create_task(coroutine)
    turn()
    task._log_destroy_pending = False
    released = [weakref.ref(each) for each in (task, coroutine, future, thing)]
    del task, coroutine, future, thing
    gc.collect()
    assert [reference() for reference in released] == [None] * 4


def test_the_future_alone_keeps_the_waiting_task(loop, turn):
    async def main(future):
        return await future

    future = loop.create_future()
    task = loop.create_task(main(future))
    kept = weakref.ref(task)
    turn()
    del task
    gc.collect()
    assert kept() is not None
    future.set_result(42)
    assert loop.run_until_complete(kept()) == 42


def test_the_loop_keeps_a_task_that_is_ready(loop, turn):
    log = []

    async def main():
        log.append("ran")

    loop.create_task(main())
    gc.collect()
    turn()
    assert log == ["ran"]


def test_a_timer_keeps_a_sleeping_task(loop, turn):
    async def main():
        await asyncio.sleep(0.001)
        loop.stop()

    loop.create_task(main())
    turn()
    gc.collect()
    loop.run_forever()


def test_a_finished_task_releases_its_coroutine_frame_at_once(loop, turn, without_collector):
    thing = Thing()
    released = weakref.ref(thing)

    async def main(thing):
        pass

    task = loop.create_task(main(thing))
    del thing
    turn()
    assert task.done()
    assert released() is None


def test_a_dropped_finished_task_is_freed_without_the_collector(loop, turn, without_collector):
    async def main():
        await asyncio.sleep(0)
        return Thing()

    task = loop.create_task(main())
    turn(3)
    released = weakref.ref(task), weakref.ref(task.result())
    del task
    assert [reference() for reference in released] == [None, None]


def test_awaiting_a_task_leaves_no_cycle(loop, run, without_collector):
    async def child():
        await asyncio.sleep(0)

    async def main():
        task = loop.create_task(child())
        released = weakref.ref(task)
        await task
        del task
        # The loop still holds what it runs in this very turn.
        await asyncio.sleep(0)
        return released()

    assert run(main()) is None


def test_a_failed_task_releases_its_exception_with_its_last_reference(loop, run, without_collector):
    class Failure(Exception):
        pass

    async def child():
        raise Failure

    async def main():
        task = loop.create_task(child())
        released = weakref.ref(task)
        try:
            await task
        except Failure:
            pass
        del task
        await asyncio.sleep(0)
        return released

    released = run(main())
    gc.collect()
    assert released() is None


def test_a_cancelled_task_is_collected(loop, run):
    async def child():
        await loop.create_future()

    async def main():
        task = loop.create_task(child())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return weakref.ref(task)

    released = run(main())
    gc.collect()
    assert released() is None


def test_two_tasks_that_wait_for_each_other_are_collected(loop, turn):
    async def main(box):
        await asyncio.sleep(0)
        await box[0]

    left, right = [], []
    one, other = loop.create_task(main(left)), loop.create_task(main(right))
    left.append(other)
    right.append(one)
    turn(3)
    for task in (one, other):
        task._log_destroy_pending = False
    released = weakref.ref(one), weakref.ref(other)
    del one, other, task
    left.clear()
    right.clear()
    gc.collect()
    assert [reference() for reference in released] == [None, None]


def test_a_task_in_a_cycle_through_its_context_is_collected(loop, turn):
    variable = contextvars.ContextVar("variable")

    async def main():
        variable.set(asyncio.current_task())
        await loop.create_future()

    task = loop.create_task(main(), context=contextvars.Context())
    turn()
    task._log_destroy_pending = False
    released = weakref.ref(task)
    del task
    gc.collect()
    assert released() is None


def test_ten_thousand_tasks_leave_nothing_behind(loop, run):
    async def child():
        await asyncio.sleep(0)

    async def main(count):
        await asyncio.gather(*(child() for _ in range(count)))

    run(main(10_000))
    gc.collect()
    before = len(gc.get_objects())
    run(main(10_000))
    gc.collect()
    assert len(gc.get_objects()) - before < 100


def test_a_chain_of_waiting_tasks_is_collected_without_recursion(loop, turn):
    async def main(awaited):
        await awaited

    awaited = loop.create_future()
    for _ in range(2_000):
        awaited = loop.create_task(main(awaited))
        awaited._log_destroy_pending = False
    turn()
    released = weakref.ref(awaited)
    del awaited
    gc.collect()
    assert released() is None
