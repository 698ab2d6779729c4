"""Which calls from another thread does the debug mode refuse?"""

import asyncio
import gc
import socket

import pytest

REFUSAL = "Non-thread-safe operation invoked on an event loop other than the current one"


@pytest.mark.parametrize(
    "use",
    [
        lambda loop: loop.call_soon(print),
        lambda loop: loop.call_later(0, print),
        lambda loop: loop.call_at(0, print),
    ],
    ids=["call_soon", "call_later", "call_at"],
)
def test_calls_from_another_thread_are_refused(loop, in_a_thread, run, use):
    async def main():
        return in_a_thread(lambda: use(loop))

    (error,) = run(main())
    assert type(error) is RuntimeError
    assert str(error) == (
        "Non-thread-safe operation invoked on an event loop other than the current one"
    )


def test_a_future_completed_from_another_thread_is_refused(loop, in_a_thread, run):
    async def main():
        future = loop.create_future()
        future.add_done_callback(lambda _: None)
        return in_a_thread(lambda: future.set_result(None))

    (error,) = run(main())
    assert type(error) is RuntimeError
    assert str(error) == (
        "Non-thread-safe operation invoked on an event loop other than the current one"
    )


def test_a_task_created_from_another_thread_is_refused(loop, in_a_thread, run, logged):
    async def nothing():
        pass

    async def main():
        coroutine = nothing()
        errors = in_a_thread(lambda: loop.create_task(coroutine))
        coroutine.close()
        return errors

    errors = run(main())
    assert [(type(error), str(error)) for error in errors] == [
        (
            RuntimeError,
            "Non-thread-safe operation invoked on an event loop other than the current one",
        )
    ]
    del errors
    gc.collect()
    # The reference has made the task before it finds that it cannot be scheduled.
    messages = {record.getMessage().splitlines()[0] for record in logged.take()}
    assert messages <= {"Task was destroyed but it is pending!"}


def test_call_soon_threadsafe_is_allowed_from_another_thread(loop, in_a_thread, run):
    async def main():
        future = loop.create_future()
        assert in_a_thread(lambda: loop.call_soon_threadsafe(future.set_result, 1)) == []
        return await future

    assert run(main()) == 1


def test_descriptors_may_be_watched_from_another_thread(loop, in_a_thread, run):
    # Against the documentation; ipykernel does it, and asyncio does not look.
    async def main():
        reading, writing = asyncio.Event(), asyncio.Event()
        errors = in_a_thread(lambda: loop.add_reader(ours, reading.set))
        errors += in_a_thread(lambda: loop.add_writer(ours, writing.set))
        theirs.send(b"x")
        async with asyncio.timeout(10):
            await reading.wait()
            await writing.wait()
        errors += in_a_thread(lambda: loop.remove_reader(ours))
        errors += in_a_thread(lambda: loop.remove_writer(ours))
        return errors

    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert run(main()) == []


def test_a_loop_that_does_not_run_may_be_used_by_any_thread(loop, in_a_thread, turn):
    seen = []
    assert in_a_thread(lambda: loop.call_soon(seen.append, 1)) == []
    turn()
    assert seen == [1]


@pytest.mark.parametrize(
    "use",
    [
        lambda future: future.set_result(None),
        lambda future: future.set_exception(ArithmeticError()),
        lambda future: future.cancel(),
    ],
    ids=["set_result", "set_exception", "cancel"],
)
def test_a_future_with_callbacks_is_refused(loop, run, in_a_thread, use):
    async def main():
        future = loop.create_future()
        future.add_done_callback(lambda _: None)
        errors = in_a_thread(lambda: use(future))
        assert future.done()
        if not future.cancelled():
            future.exception()
        return errors

    (error,) = run(main())
    assert str(error) == REFUSAL


def test_a_callback_added_to_a_future_that_is_done_is_refused(loop, run, in_a_thread):
    async def main():
        future = loop.create_future()
        future.set_result(None)
        return in_a_thread(lambda: future.add_done_callback(print))

    (error,) = run(main())
    assert str(error) == REFUSAL


def test_cancelling_a_task_that_waits_is_refused(loop, run, in_a_thread):
    async def forever():
        await loop.create_future()

    async def main():
        task = loop.create_task(forever())
        await asyncio.sleep(0)
        # What it waits for is cancelled then, and nothing will ever tell it so.
        task._log_destroy_pending = False
        return [str(error) for error in in_a_thread(task.cancel)]

    assert run(main()) == [REFUSAL]
    gc.collect()


@pytest.mark.parametrize(
    "use",
    [
        lambda loop, sock: loop.add_reader(sock, print),
        lambda loop, sock: loop.add_writer(sock, print),
        lambda loop, sock: loop.remove_reader(sock),
        lambda loop, sock: loop.remove_writer(sock),
        lambda loop, sock: loop.create_future(),
        lambda loop, sock: loop.create_future().set_result(None),
        lambda loop, sock: loop.create_future().cancel(),
        lambda loop, sock: loop.run_in_executor(None, int),
        lambda loop, sock: loop.set_debug(True),
        lambda loop, sock: loop.set_exception_handler(None),
        lambda loop, sock: loop.time(),
    ],
    ids=[
        "add_reader",
        "add_writer",
        "remove_reader",
        "remove_writer",
        "create_future",
        "set_result",
        "cancel",
        "run_in_executor",
        "set_debug",
        "set_exception_handler",
        "time",
    ],
)
def test_what_schedules_nothing_is_not_checked(loop, run, in_a_thread, use):
    async def main():
        near, far = socket.socketpair()
        with near, far:
            errors = in_a_thread(lambda: use(loop, near))
            loop.remove_reader(near)
            loop.remove_writer(near)
        return errors

    assert run(main()) == []
