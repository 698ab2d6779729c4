"""What does a task look like in a log?"""

import asyncio

import pytest


async def wait_for(future):
    return await future


async def fail():
    raise ValueError("text")


def callback(task):
    pass


FIRST = wait_for.__code__.co_firstlineno
CALLBACK = f"callback() at {__file__}:{callback.__code__.co_firstlineno}"


@pytest.fixture
def future(loop):
    return loop.create_future()


@pytest.fixture
def task(loop, future):
    task = loop.create_task(wait_for(future), name="the name")
    yield task
    future.cancel()
    loop.run_until_complete(asyncio.wait([task]))


def test_before_it_starts(task):
    assert repr(task) == (
        f"<Task pending name='the name' coro=<wait_for() running at {__file__}:{FIRST}>>"
    )


def test_while_it_waits(task, turn):
    turn()
    text = repr(task)
    assert text.startswith(
        f"<Task pending name='the name' coro=<wait_for() running at {__file__}:{FIRST + 1}> "
        "wait_for=<Future pending cb=["
    )
    assert text.endswith("]>>")
    assert "wakeup" in text


def test_with_a_callback(task):
    task.add_done_callback(callback)
    assert repr(task) == (
        f"<Task pending name='the name' coro=<wait_for() running at {__file__}:{FIRST}> "
        f"cb=[{CALLBACK}]>"
    )


def test_cancelling(task, turn):
    turn()
    task.cancel()
    assert repr(task).startswith("<Task cancelling name='the name' coro=<wait_for() running at ")


def test_finished(loop, task, future):
    future.set_result(42)
    loop.run_until_complete(task)
    assert repr(task) == (
        f"<Task finished name='the name' coro=<wait_for() done, defined at {__file__}:{FIRST}> "
        "result=42>"
    )


def test_failed(loop, turn):
    task = loop.create_task(fail(), name="the name")
    turn()
    line = fail.__code__.co_firstlineno
    assert repr(task) == (
        f"<Task finished name='the name' coro=<fail() done, defined at {__file__}:{line}> "
        "exception=ValueError('text')>"
    )
    task.exception()


def test_cancelled(loop, task):
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)
    assert repr(task) == (
        f"<Task cancelled name='the name' coro=<wait_for() done, defined at {__file__}:{FIRST}>>"
    )


def test_a_name_with_quotes(loop, turn):
    async def nothing():
        pass

    task = loop.create_task(nothing(), name='it\'s "quoted"')
    assert "name='it\\'s \"quoted\"'" in repr(task)
    turn()


def test_while_it_runs(loop, run):
    async def main():
        return repr(asyncio.current_task())

    assert run(main()).startswith("<Task pending name='Task-")


def test_a_subclass_shows_its_own_name(loop, turn, Task):
    class Job(Task):
        pass

    async def nothing():
        pass

    job = Job(nothing(), loop=loop, name="the name")
    assert repr(job).startswith("<Job pending name='the name' coro=<")
    turn()


def test_a_task_that_waits_for_a_task(loop, turn, task):
    outer = loop.create_task(wait_for(task), name="outer")
    turn()
    text = repr(outer)
    assert text.startswith("<Task pending name='outer' coro=<wait_for() running at ")
    assert " wait_for=<Task pending name='the name' coro=<wait_for() running at " in text
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(outer)


def test_a_task_that_is_its_own_result(loop, task, future):
    future.set_result([task])
    loop.run_until_complete(task)
    assert "result=[<Task finished" in repr(task) or "..." in repr(task)


def test_debug_mode_shows_where_it_was_created(loop, turn):
    async def nothing():
        pass

    loop.set_debug(True)
    loop.slow_callback_duration = 3600
    task = loop.create_task(nothing(), name="the name")
    line = task._source_traceback[-1].lineno
    assert repr(task) == (
        f"<Task pending name='the name' coro=<{nothing.__qualname__}() running at "
        f"{__file__}:{nothing.__code__.co_firstlineno}> created at {__file__}:{line}>"
    )
    turn()
