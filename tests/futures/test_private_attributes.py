"""Which private attributes can well-known libraries rely on?"""

import threading

import pytest


@pytest.fixture
def future(loop):
    return loop.create_future()


def test_the_state(loop):
    future = loop.create_future()
    assert future._state == "PENDING"
    future.set_result(1)
    assert future._state == "FINISHED"
    future = loop.create_future()
    future.cancel()
    assert future._state == "CANCELLED"
    future = loop.create_future()
    future.set_exception(ValueError())
    assert future._state == "FINISHED"
    future.exception()


def test_the_loop(loop, future):
    assert future._loop is loop


def test_the_result(future):
    assert future._result is None
    future.set_result(42)
    assert future._result == 42


def test_the_exception_without_marking_it_as_seen(future):
    assert future._exception is None
    exception = ValueError()
    future.set_exception(exception)
    assert future._exception is exception
    assert future._log_traceback is True
    future.exception()


def test_the_blocking_mark_can_be_set(future):
    assert future._asyncio_future_blocking is False
    future._asyncio_future_blocking = True
    assert future._asyncio_future_blocking is True
    future._asyncio_future_blocking = False
    assert future._asyncio_future_blocking is False


def test_the_blocking_mark_cannot_be_deleted(future):
    with pytest.raises(AttributeError):
        del future._asyncio_future_blocking


def test_the_class_has_the_blocking_mark(Future, Task):
    # asyncio.isfuture() asks the class.
    assert hasattr(Future, "_asyncio_future_blocking")
    assert hasattr(Task, "_asyncio_future_blocking")


def test_the_source_traceback_is_for_debug_mode_only(loop, future):
    assert future._source_traceback is None
    loop.set_debug(True)
    traceback = loop.create_future()._source_traceback
    assert traceback and traceback[-1].filename and traceback[-1].lineno


def test_a_waiting_task_shows_what_it_waits_for(loop, turn, future):
    async def waiter():
        return await future

    task = loop.create_task(waiter())
    assert task._fut_waiter is None
    turn()
    assert task._fut_waiter is future
    future.set_result(42)
    assert loop.run_until_complete(task) == 42
    assert task._fut_waiter is None


def test_a_task_shows_its_coroutine(loop):
    async def main():
        pass

    coroutine = main()
    task = loop.create_task(coroutine)
    assert task._coro is coroutine
    loop.run_until_complete(task)


def test_a_task_shows_that_it_must_be_cancelled(loop, turn):
    async def main():
        pass

    task = loop.create_task(main())
    assert task._must_cancel is False
    task.cancel()
    assert task._must_cancel is True
    turn()
    assert task._must_cancel is False
    assert task.cancelled()


def test_the_destroy_mark_of_a_task_can_be_set(loop):
    async def main():
        pass

    task = loop.create_task(main())
    assert task._log_destroy_pending is True
    task._log_destroy_pending = False
    assert task._log_destroy_pending is False
    task._log_destroy_pending = True
    loop.run_until_complete(task)


def test_the_thread_of_a_running_loop(loop, run):
    async def main():
        return loop._thread_id

    assert loop._thread_id is None
    assert run(main()) == threading.get_ident()
    assert loop._thread_id is None


def test_the_default_executor_of_a_loop(loop, run):
    assert loop._default_executor is None

    async def main():
        await loop.run_in_executor(None, int)
        return loop._default_executor

    assert run(main()) is not None
