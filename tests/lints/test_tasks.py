"""Cancellation that is swallowed, failures that nobody asks for, tasks that nobody keeps."""

import asyncio
import gc
import warnings

import pytest


def test_cancellation_that_is_swallowed(api, looked_at):
    async def program(spawn):
        async def stubborn():
            try:
                await api.sleep(50)
            except asyncio.CancelledError:
                pass
            await api.sleep(50)

        task = spawn(stubborn(), "stubborn")
        await api.sleep(0)
        task.cancel()

    (finding,) = looked_at(program, 0, 2, 5, 6)
    assert finding.lint == "cancellation-swallowed"
    assert "task 'stubborn'" in finding.sentence
    assert "was cancelled 5.0 s ago and still runs, now at" in finding.sentence
    assert finding.place.file == __file__


def test_cleanup_that_takes_long(api, looked_at):
    async def program(spawn):
        async def careful():
            try:
                await api.sleep(50)
            finally:
                await api.sleep(50)

        task = spawn(careful())
        await api.sleep(0)
        task.cancel()

    assert looked_at(program, 0, 6, 12) == []


def test_cancellation_that_is_taken_back(api, looked_at):
    async def program(spawn):
        async def supervised():
            try:
                await api.sleep(50)
            except asyncio.CancelledError:
                asyncio.current_task().uncancel()
            await api.sleep(50)

        task = spawn(supervised())
        await api.sleep(0)
        task.cancel()

    assert looked_at(program, 0, 6) == []


def test_timeout_that_was_over(api, looked_at):
    async def program(spawn):
        async def bounded():
            try:
                async with api.timeout(0):
                    await api.sleep(50)
            except TimeoutError:
                pass
            await api.sleep(50)

        spawn(bounded())
        await api.sleep(0.01)

    assert looked_at(program, 0, 6) == []


def test_failure_that_nobody_asks_for(api, looked_at, lints):
    kept = []

    async def program(spawn):
        async def failing():
            await api.sleep(0.02)
            raise LookupError("nothing found")

        kept.append(asyncio.get_running_loop().create_task(failing(), name="failing"))

    import time

    (finding,) = looked_at(program, 0, 1, 2, 12, 13, between=lambda: time.sleep(0.01))
    with pytest.raises(LookupError):
        kept.pop().result()
    assert finding.lint == "exception-not-retrieved"
    assert "task 'failing'" in finding.sentence
    assert "LookupError: nothing found" in finding.sentence
    assert finding.place.file == __file__
    assert finding.seconds >= 10
    at_once = [each for each in lints.findings() if each.lint == "exception-not-retrieved"]
    assert [each.seconds for each in at_once] == [0.0], "for top and the page, before it is logged"


def test_failure_that_is_awaited_later(api, looked_at):
    kept = []

    async def program(spawn):
        async def failing():
            await api.sleep(0.02)
            raise LookupError

        kept.append(asyncio.get_running_loop().create_task(failing()))

    def retrieve():
        if kept[0].done():
            kept[0].exception()

    import time

    def between():
        time.sleep(0.01)
        retrieve()

    assert looked_at(program, 0, 1, 2, 12, 13, between=between) == []


@pytest.fixture
def patrol(lints):
    from aioxide.lints._patrol import Patrol

    made = Patrol()
    made.start()
    yield made
    made.stop()


def named(lints, name):
    return [each for each in lints.findings() if each.lint == name]


def test_task_that_nobody_keeps(kind, api, loop, turn, lints, patrol, logged):
    if kind == "asyncio":
        pytest.skip("asyncio's loop tells nobody but its handler")

    async def forgotten():
        future = asyncio.get_running_loop().create_future()
        await future

    loop.create_task(forgotten(), name="forgotten")
    turn(2)
    gc.collect()
    assert "Task was destroyed" in logged.take_one().getMessage()
    (finding,) = named(lints, "task-dropped")
    assert "task 'forgotten'" in finding.sentence
    assert "TaskGroup" in finding.fix


def test_task_that_is_kept(api, loop, turn, lints, patrol):
    async def waits():
        await asyncio.get_running_loop().create_future()

    task = loop.create_task(waits())
    turn(2)
    gc.collect()
    assert named(lints, "task-dropped") == []
    task.cancel()
    turn(2)


def test_coroutine_that_is_never_awaited(api, lints, patrol):
    async def forgotten():
        pass

    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        # Recording replaces what shows warnings, so it has to be told.
        patrol.stop()
        patrol.start()
        forgotten()
        gc.collect()
        patrol.stop()
    (finding,) = named(lints, "never-awaited")
    assert "forgotten' was never awaited" in finding.sentence
    assert [str(each.message) for each in shown] == [finding.sentence], "still shown as before"


def test_coroutine_that_is_closed(api, lints, patrol):
    async def begun():
        await api.sleep(0)

    coroutine = begun()
    coroutine.send(None)
    coroutine.close()
    gc.collect()
    assert named(lints, "never-awaited") == []


def test_listening_ends(lints):
    from aioxide._loop import exceptions
    from aioxide.lints._patrol import Patrol

    before = warnings.showwarning, list(warnings.filters), list(exceptions.observers)
    made = Patrol()
    made.start()
    assert warnings.showwarning is not before[0]
    made.stop()
    assert (warnings.showwarning, list(warnings.filters), list(exceptions.observers)) == before
