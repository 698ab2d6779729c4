"""Tasks of asyncio's own class, which aiohttp makes for each connection and request."""

import asyncio
import gc
import sys
from _asyncio import Task as StandardTask

import aioxide
import pytest
from recorder.trace_file import Cancel, Created, Step, Woken

needs_eager_tasks = pytest.mark.skipif(sys.version_info < (3, 12), reason="3.12 has them first")


def made(coroutine, name, **options):
    return StandardTask(coroutine, loop=asyncio.get_running_loop(), name=name, **options)


def steps(trace, name):
    return [(step.outcome, step.wait) for step in trace.steps_of(name)]


def test_a_task_is_recorded_with_its_steps(recorded):
    async def work():
        await aioxide.sleep(0.001)
        await aioxide.sleep(0)

    async def main():
        aioxide.current_task().set_name("main")
        await made(work(), "standard")

    trace = recorded(main)
    task = trace.task_named("standard")
    assert trace.place(task.coroutine).function == work.__qualname__
    assert trace.place(task.created_at).function == "made"
    assert trace.name(task.parent) == "main"
    assert [each.task for each in trace.of(Created)].count(task.id) == 1
    assert steps(trace, "standard") == [
        ("waiting", "sleep"),
        ("yielded", "unknown"),
        ("done", "unknown"),
    ]
    assert [each.waker for each in trace.of(Woken) if each.task == task.id] == ["timer"]


@needs_eager_tasks
def test_a_task_whose_first_step_runs_at_once(recorded):
    async def work():
        await aioxide.sleep(0.001)

    async def main():
        await made(work(), "eager", eager_start=True)

    trace = recorded(main)
    assert steps(trace, "eager") == [("waiting", "sleep"), ("done", "unknown")]
    task = trace.task_named("eager")
    assert trace.place(task.created_at).function == "made"


def test_what_such_tasks_wait_for_and_how_they_end(recorded):
    async def waits(future):
        await future

    async def fails():
        raise LookupError("nothing found")

    async def main():
        loop = asyncio.get_running_loop()
        future, lock = loop.create_future(), aioxide.Lock()
        await lock.acquire()
        inner = made(waits(future), "inner")
        outer = made(waits(inner), "outer")
        locked = made(lock.acquire(), "locked")
        foreign = made(waits(asyncio.futures.Future(loop=loop)), "foreign")
        failing = made(fails(), "failing")
        await aioxide.sleep(0.001)
        foreign.cancel()
        future.set_result(None)
        lock.release()
        await asyncio.wait([inner, outer, locked, foreign, failing])
        failing.exception()

    trace = recorded(main)
    assert steps(trace, "inner") == [("waiting", "future"), ("done", "unknown")]
    assert steps(trace, "outer") == [("waiting", "task"), ("done", "unknown")]
    assert trace.steps_of("outer")[0].waits_for == trace.task_named("inner").id
    assert steps(trace, "locked") == [("waiting", "lock"), ("done", "unknown")]
    assert steps(trace, "foreign") == [("waiting", "future"), ("cancelled", "unknown")]
    assert steps(trace, "failing") == [("failed", "unknown")]
    (failure,) = [each for each in trace.failures if each["task"] == trace.task_named("failing").id]
    assert failure["text"] == "nothing found"


def test_tasks_from_before_the_recording_and_tasks_that_are_collected(tmp_path):
    async def waits(future):
        await future

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: None)
        future = loop.create_future()
        task = made(waits(future), "before")
        await aioxide.sleep(0)
        with aioxide.record() as recording:
            made(waits(loop.create_future()), "dropped")
            await aioxide.sleep(0)
            gc.collect()
            numbers = {aioxide._aioxide._task_id(task)}
            future.set_result(None)
            await task
            # Many more, so that those that are gone are looked for.
            await asyncio.gather(*(made(aioxide.sleep(0), f"more {n}") for n in range(200)))
            recording.dump(tmp_path / "run.aiotrace")
        assert numbers != {None}
        assert aioxide._aioxide._task_id(task) is None, "it has ended"

    aioxide.run(main())


def requests(trace, name):
    """Who has asked the task to cancel itself, by name; None for an unknown one."""
    task = trace.task_named(name).id
    events = [each for each in trace.of(Cancel) if each.task == task]
    return [trace.name(each.by) if each.by else None for each in events]


def test_a_request_to_cancel_is_an_event(recorded):
    async def waits(future):
        await future

    async def main():
        aioxide.current_task().set_name("main")
        loop = asyncio.get_running_loop()
        ours, theirs = loop.create_future(), asyncio.futures.Future(loop=loop)
        task = made(waits(ours), "waits")
        foreign = made(waits(theirs), "foreign")
        behind = made(waits(aioxide.create_task(aioxide.sleep(60))), "behind a task")
        await aioxide.sleep(0)
        new = made(waits(ours), "new")
        kept = [task, foreign, behind, new]
        for each in kept:
            each.cancel()
        await asyncio.wait(kept)

    trace = recorded(main)
    assert requests(trace, "waits") == ["main"]
    # Nothing tells of these at once.
    assert requests(trace, "foreign") == [None]
    assert requests(trace, "behind a task") == [None]
    assert requests(trace, "new") == [None]
    number = trace.task_named("waits").id
    events = [type(each) for each in trace.events if getattr(each, "task", 0) == number]
    assert events[-3:] == [Cancel, Woken, Step]


def test_each_request_to_cancel_is_an_event(recorded):
    async def stubborn():
        for _ in range(2):
            try:
                await aioxide.sleep(60)
            except asyncio.CancelledError:
                asyncio.current_task().uncancel()

    async def main():
        task = made(stubborn(), "stubborn")
        for _ in range(2):
            await aioxide.sleep(0)
            await aioxide.sleep(0)
            task.cancel()
        await task

    assert len(requests(recorded(main), "stubborn")) == 2
