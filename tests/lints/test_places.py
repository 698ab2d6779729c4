"""Where that was made which a finding names, with nothing but the lints on."""

import asyncio
import gc
import sys
import threading
import warnings

import pytest


@pytest.fixture
def quiet():
    """Warnings are not shown."""
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        yield


def named(lints, name):
    return [each for each in lints.findings() if each.lint == name]


def is_at(place, line, function):
    return (place.file, place.line, place.function.rpartition(".")[2]) == (__file__, line, function)


def test_task_that_nobody_keeps(only_ours, loop, turn, lints, patrol, logged, line_of):
    async def forgotten():
        await asyncio.get_running_loop().create_future()

    def spawn():
        loop.create_task(forgotten())  # spawned here

    spawn()
    turn(2)
    gc.collect()
    logged.take_one()
    (finding,) = named(lints, "task-dropped")
    assert is_at(finding.created, line_of(__file__, "# spawned here"), "spawn")


@pytest.mark.parametrize("by", ["create_task", "TaskGroup", "gather", "eager", "Task"])
def test_every_way_to_make_a_task(only_ours, api, loop, run, patrol, line_of, by):
    if by == "eager" and not hasattr(asyncio, "eager_task_factory"):
        pytest.skip("there are eager tasks from Python 3.12 on")
    from aioxide import introspect

    async def waits():
        await api.sleep(50)

    async def main():
        if by == "create_task":
            tasks = [api.create_task(waits())]  # by create_task
        elif by == "TaskGroup":
            async with api.TaskGroup() as group:
                tasks = [group.create_task(waits())]  # by TaskGroup
                await api.sleep(0)
                created = introspect.tasks()
                tasks[0].cancel()
                return created
        elif by == "gather":
            tasks = [api.gather(waits())]  # by gather
        elif by == "eager":
            loop.set_task_factory(api.eager_task_factory)
            tasks = [api.create_task(waits())]  # by eager
        else:
            tasks = [api.Task(waits(), loop=loop)]  # by Task
        await api.sleep(0)
        created = introspect.tasks()
        tasks[0].cancel()
        await api.gather(*tasks, return_exceptions=True)
        return created

    (found,) = [each for each in run(main()) if each.coroutine.endswith("waits")]
    assert is_at(found.created, line_of(__file__, f"# by {by}"), "main")


def test_task_that_was_made_before_anybody_looked(only_ours, api, loop, run, lints):
    from aioxide import introspect
    from aioxide.lints._patrol import Patrol

    async def waits():
        await api.sleep(50)

    async def main():
        before = api.create_task(waits(), name="before")
        patrol = Patrol()
        patrol.start()
        meanwhile = api.create_task(waits(), name="meanwhile")
        patrol.stop()
        afterwards = api.create_task(waits(), name="afterwards")
        created = {each.name: each.created is not None for each in introspect.tasks(loop)}
        tasks = [before, meanwhile, afterwards]
        for task in tasks:
            task.cancel()
        await api.gather(*tasks, return_exceptions=True)
        return [created[task.get_name()] for task in tasks]

    assert run(main()) == [False, True, False]


def test_task_that_takes_the_memory_of_another_one(only_ours, api, run, lints):
    """An object that is used again does not show where the last one was made."""
    from aioxide import introspect
    from aioxide.lints._patrol import Patrol

    async def nothing():
        pass

    async def main():
        patrol = Patrol()
        patrol.start()
        for _ in range(100):
            await api.create_task(nothing())
        patrol.stop()
        tasks = [api.create_task(nothing(), name="later") for _ in range(100)]
        created = [each.created for each in introspect.tasks() if each.name == "later"]
        await api.gather(*tasks)
        return created

    assert run(main()) == [None] * 100


def test_task_that_no_line_of_the_program_makes(only_ours, api, run, patrol):
    """What the loop starts by itself was not made by the line that runs the loop."""
    from aioxide import introspect

    created = []

    async def items():
        try:
            yield 1
        finally:
            created.extend(each.created for each in introspect.tasks() if each.name != "main")

    async def main():
        api.current_task().set_name("main")
        generator = items()
        await generator.__anext__()
        del generator
        gc.collect()
        for _ in range(4):
            await api.sleep(0)

    run(main())
    assert created == [None]


def test_failure_that_nobody_asks_for(only_ours, loop, turn, lints, patrol, logged, line_of):
    async def failing():
        raise LookupError

    def spawn():
        loop.create_task(failing())  # the failing one

    spawn()
    turn(2)
    gc.collect()
    logged.take_one()
    (finding,) = named(lints, "exception-not-retrieved")
    assert is_at(finding.created, line_of(__file__, "# the failing one"), "spawn")


@pytest.mark.parametrize("by", ["create_future", "Future"])
def test_future_that_fails(only_ours, api, loop, turn, lints, patrol, logged, line_of, by):
    def fail():
        if by == "create_future":
            future = loop.create_future()  # by create_future
        else:
            future = api.Future(loop=loop)  # by Future
        future.set_exception(LookupError())

    fail()
    gc.collect()
    logged.take_one()
    (finding,) = named(lints, "exception-not-retrieved")
    assert is_at(finding.created, line_of(__file__, f"# by {by}"), "fail")


def test_gather_that_fails(only_ours, api, loop, turn, lints, patrol, logged, line_of):
    async def failing():
        raise LookupError

    def fail():
        loop.run_until_complete(start())

    async def start():
        kept = api.gather(failing())  # by gather of a failing one
        while not kept.done():
            await api.sleep(0)

    fail()
    gc.collect()
    logged.take_one()
    found = named(lints, "exception-not-retrieved")
    line = line_of(__file__, "# by gather of a failing one")
    assert [is_at(each.created, line, "start") for each in found] == [True]
    assert found[0].sentence.startswith("_GatheringFuture exception was never retrieved")


def test_failed_future_that_is_asked(only_ours, loop, lints, patrol):
    future = loop.create_future()
    future.set_exception(LookupError())
    assert isinstance(future.exception(), LookupError)
    del future
    gc.collect()
    assert named(lints, "exception-not-retrieved") == []


@pytest.mark.parametrize("native", [False, True])
def test_coroutine_that_is_never_awaited(
    only_ours, api, run, lints, quiet, patrol, line_of, native
):
    async def forgotten():
        pass

    async def main():
        if native:
            kept = [api.sleep(1)]  # the native one
        else:
            kept = [forgotten()]  # the one in Python
        kept.clear()

    run(main())
    gc.collect()
    (finding,) = named(lints, "never-awaited")
    line = line_of(__file__, "# the native one" if native else "# the one in Python")
    assert is_at(finding.created, line, "main")


@pytest.mark.parametrize("native", [False, True])
def test_coroutine_that_is_awaited_later(only_ours, api, run, lints, quiet, patrol, native):
    async def kept():
        pass

    async def main():
        coroutine = api.sleep(0) if native else kept()
        await api.sleep(0)
        await coroutine

    run(main())
    gc.collect()
    assert named(lints, "never-awaited") == []


def test_native_coroutine_tells_where_it_was_made_until_it_begins(
    only_ours, api, run, patrol, line_of
):
    async def main():
        coroutine = api.sleep(0)  # made here
        before = coroutine.cr_origin
        await coroutine
        return before

    assert run(main()) == ((__file__, line_of(__file__, "# made here"), "main"),)


def depth():
    return sys.get_coroutine_origin_tracking_depth()


@pytest.fixture
def own_depth():
    """A program's own setting of the depth of origin tracking, put back after the test."""
    before = depth()
    yield sys.set_coroutine_origin_tracking_depth
    sys.set_coroutine_origin_tracking_depth(before)


async def depth_inside():
    return depth()


def test_the_line_of_a_coroutine_is_noted_only_while_a_loop_runs(only_ours, run, patrol):
    assert depth() == 0
    assert run(depth_inside()) == 1
    assert depth() == 0


def test_a_depth_of_the_program_s_own_is_kept(only_ours, run, patrol, own_depth):
    own_depth(3)
    assert run(depth_inside()) == 3
    assert depth() == 3


@pytest.mark.parametrize("own", [0, 4])
def test_a_depth_that_the_program_sets_meanwhile_is_kept(
    only_ours, api, run, patrol, own_depth, own
):
    async def main():
        own_depth(own)
        await api.sleep(0)
        return depth()

    assert run(main()) == own
    assert depth() == own


def test_debug_mode_has_its_own_depth(only_ours, loop, run, patrol):
    loop.set_debug(True)
    assert run(depth_inside()) == 10
    assert depth() == 0


@pytest.mark.parametrize("own", [0, 3])
def test_debug_mode_that_is_switched_while_lints_look(
    only_ours, api, loop, run, patrol, own_depth, own
):
    own_depth(own)

    async def main():
        depths = [depth()]
        for debug in (True, False, True):
            loop.set_debug(debug)
            await api.sleep(0)
            await api.sleep(0)
            depths.append(depth())
        return depths

    below = own or 1
    assert run(main()) == [below, 10, below, 10]
    assert depth() == own


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_watching_that_begins_and_ends_while_the_loop_runs(
    only_ours, api, loop, run, lints, debug, elsewhere
):
    from aioxide.lints._patrol import Patrol

    patrol = Patrol()
    loop.set_debug(debug)

    async def switch(to):
        if elsewhere:
            await api.to_thread(to)
        else:
            to()
        await api.sleep(0)
        await api.sleep(0)

    async def plain():
        if debug:
            loop.set_debug(False)
            await api.sleep(0)
            await api.sleep(0)
        found = depth()
        if debug:
            loop.set_debug(True)
            await api.sleep(0)
            await api.sleep(0)
        return found

    async def main():
        depths = [depth(), await plain()]
        await switch(patrol.start)
        depths += [depth(), await plain()]
        await switch(patrol.stop)
        return [*depths, depth(), await plain()]

    above = 10 if debug else 0
    assert run(main()) == [above, 0, above or 1, 1, above, 0]
    assert depth() == 0


def test_loops_in_several_threads_are_told(only_ours, api, new_loop, lints):
    from aioxide.lints._patrol import Patrol

    patrol, found = Patrol(), []
    running, switched = threading.Event(), threading.Event()

    async def main():
        found.append(depth())
        running.set()
        await api.to_thread(switched.wait, 10)
        found.append(depth())

    def in_thread():
        new_loop().run_until_complete(main())
        found.append(depth())

    thread = threading.Thread(target=in_thread)
    thread.start()
    assert running.wait(10)
    patrol.start()
    switched.set()
    thread.join(10)
    patrol.stop()
    assert found == [0, 1, 0]


def test_watch_alone_is_enough(only_ours, api, loop, run, lints, line_of):
    import aioxide

    async def waits():
        await api.sleep(50)

    async def main():
        task = api.create_task(waits())  # while it is watched
        await api.sleep(0)
        created = [each.created for each in aioxide.introspect.tasks() if each.id == id(task)]
        task.cancel()
        return created, depth()

    aioxide.watch(1000)
    try:
        (created,), inside = run(main())
    finally:
        aioxide.unwatch()
    assert is_at(created, line_of(__file__, "# while it is watched"), "main")
    assert inside == 1
    assert run(depth_inside()) == 0
