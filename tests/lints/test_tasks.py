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
    assert "5.0 s ago" in finding.sentence
    assert "and still runs, now at" in finding.sentence
    assert finding.place.file == __file__


def test_a_swallowed_cancellation_is_told_with_its_three_places(only_ours, api, looked_at, line_of):
    import aioxide

    async def program(spawn):
        async def inner():
            await api.sleep(50)  # delivered here

        async def stubborn():
            try:
                await inner()
            except asyncio.CancelledError:
                pass
            await api.sleep(50)  # now here

        task = spawn(stubborn(), "stubborn")
        await api.sleep(0)
        task.cancel()  # requested here

    with aioxide.record():
        (finding,) = looked_at(program, 0, 2, 5, 6)
    requested, delivered, now = (
        f"{__file__}:{line_of(__file__, f'# {word} here')}"
        for word in ("requested", "delivered", "now")
    )
    name = program.__qualname__ + ".<locals>.stubborn"
    assert finding.sentence == (
        f"task 'stubborn' ({name}) was cancelled at {requested} 5.0 s ago, "
        f"got it at the await in {delivered} and still runs, now at {now}"
    )
    assert f"{finding.place.file}:{finding.place.line}" == delivered
    assert finding.created is not None


def test_a_task_that_another_one_awaits_swallows_it(only_ours, api, looked_at, line_of):
    async def program(spawn):
        async def stubborn():
            try:
                await api.sleep(50)  # the await
            except asyncio.CancelledError:
                pass
            await api.sleep(50)

        async def outer(task):
            await task

        task = spawn(outer(spawn(stubborn(), "stubborn")), "outer")
        await api.sleep(0)
        await api.sleep(0)
        task.cancel()  # of the outer one

    found = looked_at(program, 0, 2, 5, 6)
    (finding,) = [each for each in found if "'stubborn'" in each.sentence]
    assert f"cancelled at {__file__}:{line_of(__file__, '# of the outer one')}" in finding.sentence
    assert f"the await in {__file__}:{line_of(__file__, '# the await')}" in finding.sentence


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
    kept, fails = [], api.Event()

    async def program(spawn):
        async def failing():
            await fails.wait()
            raise LookupError("nothing found")

        kept.append(asyncio.get_running_loop().create_task(failing(), name="failing"))

    (finding,) = looked_at(program, 0, 1, 2, 12, 13, between=fails.set)
    with pytest.raises(LookupError):
        kept.pop().result()
    assert finding.lint == "exception-not-retrieved"
    assert "task 'failing'" in finding.sentence
    assert f"s ago at {__file__}:" in finding.sentence
    assert "LookupError: nothing found" in finding.sentence
    assert finding.place.file == __file__
    assert finding.seconds >= 10
    at_once = [each for each in lints.findings() if each.lint == "exception-not-retrieved"]
    assert [each.seconds for each in at_once] == [0.0], "for top and the page, before it is logged"


def test_where_a_recorded_task_was_made_is_told_when_it_is_done(only_ours, api, looked_at, line_of):
    import aioxide

    kept, fails = [], api.Event()

    async def program(spawn):
        async def failing():
            await fails.wait()
            raise LookupError

        kept.append(asyncio.get_running_loop().create_task(failing()))  # the one that fails

    with aioxide.record():
        (finding,) = looked_at(program, 0, 1, 2, 12, between=fails.set)
    with pytest.raises(LookupError):
        kept[0].result()
    assert finding.created.line == line_of(__file__, "# the one that fails")


def test_a_task_that_fails_before_any_look(only_ours, api, looked_at, lints):
    kept = []

    async def program(spawn):
        async def failing():
            raise LookupError("nothing found")

        kept.append(asyncio.get_running_loop().create_task(failing(), name="failing"))
        await api.sleep(0)
        assert kept[0].done()

    (finding,) = looked_at(program, 0, 1, 11)
    with pytest.raises(LookupError):
        kept.pop().result()
    assert finding.lint == "exception-not-retrieved"
    assert "task 'failing'" in finding.sentence
    assert finding.place.file == __file__
    at_once = [each for each in lints.findings() if each.lint == "exception-not-retrieved"]
    assert [each.seconds for each in at_once] == [0.0], "for top and the page, before it is logged"


def test_a_task_that_fails_at_once_and_is_asked_or_awaited(only_ours, api, looked_at, lints):
    async def failing():
        raise LookupError

    async def program(spawn):
        asked = asyncio.get_running_loop().create_task(failing())
        awaited = asyncio.get_running_loop().create_task(failing())
        with pytest.raises(LookupError):
            await awaited
        asked.exception()
        await api.gather(asyncio.get_running_loop().create_task(failing()), return_exceptions=True)

    assert looked_at(program, 0, 1, 11) == []
    assert lints.findings() == []


def test_failure_that_is_awaited_later(api, looked_at):
    kept, fails = [], api.Event()

    async def program(spawn):
        async def failing():
            await fails.wait()
            raise LookupError

        kept.append(asyncio.get_running_loop().create_task(failing()))

    def between():
        fails.set()
        if kept[0].done():
            kept[0].exception()

    assert looked_at(program, 0, 1, 2, 12, 13, between=between) == []


def named(lints, name):
    return [each for each in lints.findings() if each.lint == name]


def told(caplog):
    return [each.getMessage() for each in caplog.records if each.name == "aioxide.lints"]


def test_task_that_nobody_keeps(kind, api, loop, turn, lints, patrol, logged, caplog):
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
    assert told(caplog) == [f"task-dropped: {finding}"]
    assert f"; made at {__file__}:" in told(caplog)[0]


def test_task_that_is_kept(api, loop, turn, lints, patrol):
    async def waits():
        await asyncio.get_running_loop().create_future()

    task = loop.create_task(waits())
    turn(2)
    gc.collect()
    assert named(lints, "task-dropped") == []
    task.cancel()
    turn(2)


def test_coroutine_that_is_never_awaited(api, lints, patrol, caplog):
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
    assert told(caplog) == [f"never-awaited: {finding}"]


def test_failure_that_is_told_at_collection(
    only_ours, api, loop, turn, lints, patrol, logged, caplog
):
    async def failing():
        raise LookupError("nothing found")

    loop.create_task(failing())
    turn(2)
    gc.collect()
    (message,) = told(caplog)
    assert message.startswith("exception-not-retrieved: Task exception was never retrieved")
    assert f"; made at {__file__}:" in message
    # One that is kept is told after 10 s, and not again when it is collected.
    kept = [loop.create_task(failing(), name="kept")]
    turn(2)
    for now in (0.0, 11.0):
        for finding in patrol.look(now):
            lints._findings.log(finding)
    assert len(told(caplog)) == 2
    assert "task 'kept'" in told(caplog)[1]
    kept.clear()
    gc.collect()
    assert len(told(caplog)) == 2
    assert len(named(lints, "exception-not-retrieved")) == 4, "kept at once and logged, twice"
    logged.take()


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


def test_a_finding_about_a_name_that_cannot_be_encoded(only_ours, lints):
    from aioxide.lints._findings import Finding, add

    add(Finding("lock-held", "task '\ud800' has it", victims=("\udfff",)))
    (kept,) = lints.findings()
    assert kept.victims == ("\udfff",)
