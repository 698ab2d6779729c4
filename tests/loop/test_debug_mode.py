"""What does the debug mode check, and what does it log?"""

import asyncio
import contextlib
import gc
import logging
import re
import socket
import sys
import threading

import pytest


@pytest.fixture
def loop(loop):
    loop.set_debug(True)
    # Only the tests of the slow-callback log want its messages.
    loop.slow_callback_duration = 3600
    yield loop
    loop.set_debug(False)


def in_a_thread(function):
    """Runs the function in another thread and hands back what it raised."""
    raised = []

    def target():
        try:
            function()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=target)
    thread.start()
    thread.join(10)
    return raised


def test_debug_is_off_unless_asked_for(new_loop):
    assert new_loop().get_debug() is False


def test_debug_can_be_switched(loop):
    assert loop.get_debug() is True
    loop.set_debug(False)
    assert loop.get_debug() is False


DEBUG_OF_A_NEW_LOOP = """
    import importlib, sys
    module = importlib.import_module(sys.argv[1])
    loop = module.new_event_loop()
    print(loop.get_debug())
    loop.close()
"""


@pytest.mark.parametrize(
    "env, options, expected",
    [
        ({}, (), "False"),
        ({"PYTHONASYNCIODEBUG": "1"}, (), "True"),
        ({"PYTHONASYNCIODEBUG": "0"}, (), "True"),
        ({"PYTHONASYNCIODEBUG": ""}, (), "False"),
        ({}, ("-X", "dev"), "True"),
        ({"PYTHONDEVMODE": "1"}, (), "True"),
    ],
)
def test_the_environment_switches_debug_on(kind, run_script, env, options, expected):
    result = run_script(DEBUG_OF_A_NEW_LOOP, kind, env=env, options=options)
    assert (result.stdout.strip(), result.stderr) == (expected, "")


def test_an_ignored_environment_switches_nothing(kind, run_script):
    env = {"PYTHONASYNCIODEBUG": "1"}
    result = run_script(DEBUG_OF_A_NEW_LOOP, kind, env=env, options=("-E",))
    assert (result.stdout.strip(), result.stderr) == ("False", "")


METHODS = [
    ("call_soon", lambda loop, callback: loop.call_soon(callback)),
    ("call_soon_threadsafe", lambda loop, callback: loop.call_soon_threadsafe(callback)),
    ("call_at", lambda loop, callback: loop.call_at(0, callback)),
    # The reference implements call_later by call_at and says so in its message.
    ("call_at", lambda loop, callback: loop.call_later(0, callback)),
    ("run_in_executor", lambda loop, callback: loop.run_in_executor(None, callback)),
]
METHOD_IDS = ["call_soon", "call_soon_threadsafe", "call_at", "call_later", "run_in_executor"]


@pytest.mark.parametrize("name, method", METHODS, ids=METHOD_IDS)
@pytest.mark.parametrize("thing", [42, None, "text"])
def test_something_not_callable_is_refused(loop, name, method, thing):
    with pytest.raises(TypeError) as raised:
        method(loop, thing)
    assert str(raised.value) == f"a callable object was expected by {name}(), got {thing!r}"


@pytest.mark.parametrize("name, method", METHODS, ids=METHOD_IDS)
def test_coroutine_functions_are_refused(loop, name, method):
    async def function():
        pass

    with pytest.raises(TypeError) as raised:
        method(loop, function)
    assert str(raised.value) == f"coroutines cannot be used with {name}()"


@pytest.mark.parametrize("name, method", METHODS, ids=METHOD_IDS)
def test_coroutines_are_refused(loop, name, method):
    async def function():
        pass

    with contextlib.closing(function()) as coroutine:
        with pytest.raises(TypeError) as raised:
            method(loop, coroutine)
    assert str(raised.value) == f"coroutines cannot be used with {name}()"


@pytest.mark.parametrize(
    "use",
    [
        lambda loop: loop.call_soon(print),
        lambda loop: loop.call_later(0, print),
        lambda loop: loop.call_at(0, print),
    ],
    ids=["call_soon", "call_later", "call_at"],
)
def test_calls_from_another_thread_are_refused(loop, run, use):
    async def main():
        return in_a_thread(lambda: use(loop))

    (error,) = run(main())
    assert type(error) is RuntimeError
    assert str(error) == (
        "Non-thread-safe operation invoked on an event loop other than the current one"
    )


def test_a_future_completed_from_another_thread_is_refused(loop, run):
    async def main():
        future = loop.create_future()
        future.add_done_callback(lambda _: None)
        return in_a_thread(lambda: future.set_result(None))

    (error,) = run(main())
    assert type(error) is RuntimeError
    assert str(error) == (
        "Non-thread-safe operation invoked on an event loop other than the current one"
    )


def test_a_task_created_from_another_thread_is_refused(loop, run, logged):
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


def test_call_soon_threadsafe_is_allowed_from_another_thread(loop, run):
    async def main():
        future = loop.create_future()
        assert in_a_thread(lambda: loop.call_soon_threadsafe(future.set_result, 1)) == []
        return await future

    assert run(main()) == 1


def test_descriptors_may_be_watched_from_another_thread(loop, run):
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


def test_a_loop_that_does_not_run_may_be_used_by_any_thread(loop, turn):
    seen = []
    assert in_a_thread(lambda: loop.call_soon(seen.append, 1)) == []
    turn()
    assert seen == [1]


def test_the_slow_callback_limit_is_a_tenth_of_a_second(new_loop):
    assert new_loop().slow_callback_duration == 0.1


def test_a_slow_callback_is_logged(loop, logged):
    def slow():
        pass

    loop.slow_callback_duration = 0.0
    loop.call_soon(slow)
    loop.stop()
    loop.run_forever()
    record = logged.take_one()
    assert record.levelno == logging.WARNING
    line = slow.__code__.co_firstlineno
    pattern = (
        rf"Executing <Handle .*slow\(\) at {re.escape(__file__)}:{line} "
        rf"created at {re.escape(__file__)}:\d+> took \d+\.\d{{3}} seconds"
    )
    assert re.fullmatch(pattern, record.getMessage())


def test_a_slow_step_of_a_task_is_logged_with_the_task(loop, logged):
    async def slow():
        pass

    loop.slow_callback_duration = 0.0
    loop.create_task(slow(), name="the name")
    loop.stop()
    loop.run_forever()
    pattern = (
        r"Executing <Task finished name='the name' coro=<.*slow\(\) done, defined at .*> "
        r"result=None created at .*> took \d+\.\d{3} seconds"
    )
    assert re.fullmatch(pattern, logged.take_one().getMessage())


def test_a_quick_callback_is_not_logged(loop, turn, logged):
    loop.call_soon(int)
    turn()
    assert logged.take() == []


def test_without_debug_no_callback_is_logged(loop, turn, logged):
    loop.set_debug(False)
    loop.slow_callback_duration = 0.0
    loop.call_soon(int)
    turn()
    assert logged.take() == []


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


def test_coroutines_remember_their_origin_while_the_loop_runs(loop, run):
    async def main():
        return sys.get_coroutine_origin_tracking_depth()

    before = sys.get_coroutine_origin_tracking_depth()
    assert run(main()) == 10
    assert sys.get_coroutine_origin_tracking_depth() == before


def test_switching_debug_while_running_switches_origin_tracking(loop, run):
    async def main():
        loop.set_debug(False)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        depths = [sys.get_coroutine_origin_tracking_depth()]
        loop.set_debug(True)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        depths.append(sys.get_coroutine_origin_tracking_depth())
        return depths

    assert run(main()) == [0, 10]
    assert sys.get_coroutine_origin_tracking_depth() == 0
