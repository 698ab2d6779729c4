"""Who remembers where it was made, and where is that told?"""

import gc
import socket

import pytest


def test_futures_know_where_they_were_created(loop, Future):
    for future in (loop.create_future(), Future(loop=loop)):
        frame = future._source_traceback[-1]
        assert frame.name == "test_futures_know_where_they_were_created" or (
            # The reference's create_future() is itself a Python frame.
            frame.name == "create_future"
        )
        assert "created at" in repr(future)


def test_without_debug_nothing_is_remembered(new_loop):
    loop = new_loop()
    assert loop.create_future()._source_traceback is None
    assert loop.call_soon(int)._source_traceback is None


def test_tasks_know_where_they_were_created(loop, run):
    async def nothing():
        pass

    task = loop.create_task(nothing())
    frame = task._source_traceback[-1]
    assert (frame.filename, frame.name) == (__file__, "test_tasks_know_where_they_were_created")
    assert repr(task).endswith(f" created at {__file__}:{frame.lineno}>")
    loop.run_until_complete(task)


@pytest.mark.parametrize(
    "schedule",
    [
        lambda loop: loop.call_soon(int),
        lambda loop: loop.call_soon_threadsafe(int),
        lambda loop: loop.call_later(0, int),
        lambda loop: loop.call_at(0, int),
    ],
    ids=["call_soon", "call_soon_threadsafe", "call_later", "call_at"],
)
def test_handles_know_where_they_were_created(loop, schedule):
    handle = schedule(loop)
    frame = handle._source_traceback[-1]
    assert (frame.filename, frame.name) == (__file__, "<lambda>")
    assert repr(handle).endswith(f" created at {__file__}:{frame.lineno}>")


def test_a_report_tells_where_the_callback_was_scheduled(loop, turn, reported):
    handle = loop.call_soon(lambda: 1 / 0)
    turn()
    assert reported.take_one()["source_traceback"] == handle._source_traceback


def test_the_log_tells_where_the_callback_was_scheduled(loop, turn, logged):
    loop.call_soon(lambda: 1 / 0)
    turn()
    lines = logged.take_one().getMessage().splitlines()
    assert "source_traceback: Object created at (most recent call last):" in lines
    assert any(line.strip() == "loop.call_soon(lambda: 1 / 0)" for line in lines)


def test_the_log_tells_which_callback_was_running(loop, turn, logged):
    def callback():
        loop.call_exception_handler({"message": "text"})

    loop.call_soon(callback)
    turn()
    lines = logged.take_one().getMessage().splitlines()
    assert lines[:2] == ["text", "handle_traceback: Handle created at (most recent call last):"]
    assert any(line.strip() == "loop.call_soon(callback)" for line in lines)


def frames_in_this_file(stack):
    return [frame.name for frame in stack if frame.filename == __file__]


def test_a_report_tells_where_a_done_callback_was_scheduled(loop, turn, reported):
    def finish(future):
        future.set_result(None)

    future = loop.create_future()
    future.add_done_callback(lambda _: 1 / 0)
    finish(future)
    turn()
    stack = reported.take_one()["source_traceback"]
    assert frames_in_this_file(stack)[-1] == "finish"


def test_the_log_tells_what_has_woken_the_task_that_runs(loop, run, logged):
    def wake(future):
        future.set_result(None)

    async def main():
        future = loop.create_future()
        loop.call_soon(wake, future)
        await future
        loop.call_exception_handler({"message": "text"})

    run(main())
    lines = logged.take_one().getMessage().splitlines()
    assert lines[:2] == ["text", "handle_traceback: Handle created at (most recent call last):"]
    assert lines[-1].strip() == "future.set_result(None)"


def test_the_log_tells_where_the_task_that_runs_was_created(loop, logged):
    async def main():
        loop.call_exception_handler({"message": "text"})

    task = loop.create_task(main())
    loop.run_until_complete(task)
    lines = logged.take_one().getMessage().splitlines()
    assert any(line.strip() == "task = loop.create_task(main())" for line in lines)


def test_a_cancelled_handle_still_shows_what_it_was(loop):
    def callback():
        pass

    handle = loop.call_soon(callback)
    timer = loop.call_at(7.5, callback)
    place = f".callback() at {__file__}:{callback.__code__.co_firstlineno} created at {__file__}:"
    for cancelled, start in (
        (handle, "<Handle cancelled "),
        (timer, "<TimerHandle cancelled when=7.5 "),
    ):
        cancelled.cancel()
        assert cancelled._callback is None
        shown = repr(cancelled)
        assert shown.startswith(start)
        assert place in shown


def test_a_cancelled_handle_shows_nothing_without_debug(new_loop):
    handle = new_loop().call_soon(int)
    handle.cancel()
    assert repr(handle) == "<Handle cancelled>"


def test_an_exception_nobody_retrieved_is_logged_with_the_origin(loop, logged):
    future = loop.create_future()
    future.set_exception(ArithmeticError())
    del future
    gc.collect()
    lines = logged.take_one().getMessage().splitlines()
    assert "source_traceback: Object created at (most recent call last):" in lines
    assert any(line.strip() == "future = loop.create_future()" for line in lines)


def test_a_task_destroyed_while_it_waits_is_logged_with_the_origin(loop, turn, logged):
    async def forever():
        await loop.create_future()

    task = loop.create_task(forever())
    turn()
    del task
    gc.collect()
    lines = logged.take_one().getMessage().splitlines()
    assert lines[0] == "Task was destroyed but it is pending!"
    assert "source_traceback: Object created at (most recent call last):" in lines
    assert any(line.strip() == "task = loop.create_task(forever())" for line in lines)


def test_watchers_remember_where_they_were_added(loop):
    near, far = socket.socketpair()
    with near, far:
        handle = loop._add_reader(near.fileno(), int)
        frames = frames_in_this_file(handle._source_traceback)
        assert frames[-1] == "test_watchers_remember_where_they_were_added"
        loop._remove_reader(near.fileno())
