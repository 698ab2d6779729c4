"""What a recording holds: `aioxide.record()`."""

import asyncio
import os
import socket
import sys

import aioxide
import pytest
from aioxide import recording
from recorder.trace_file import (
    Bytes,
    Callback,
    Cancel,
    Created,
    Iteration,
    Mark,
    PollWait,
    Step,
    Woken,
    read,
)

HERE = __file__


def line_of(text):
    """The number of the only line of this file that ends with ``text``."""
    with open(HERE) as file:
        (found,) = [n for n, line in enumerate(file, 1) if line.rstrip().endswith(text)]
    return found


async def sleeper(seconds):
    await aioxide.sleep(seconds)


def test_each_step_ends_with_what_the_task_waits_for(recorded):
    async def main():
        await aioxide.create_task(sleeper(0.001), name="sleeper")
        await aioxide.sleep(0)

    trace = recorded(main)
    assert [(s.outcome, s.wait) for s in trace.steps_of("sleeper")] == [
        ("waiting", "sleep"),
        ("done", "unknown"),
    ]
    main_steps = [s for s in trace.of(Step) if s.task == trace.task_named("sleeper").parent]
    assert [s.outcome for s in main_steps] == ["waiting", "yielded", "done"]
    assert main_steps[0].wait == "task"
    assert main_steps[0].waits_for == trace.task_named("sleeper").id


def test_a_poll_that_waits_tells_how_many_timers_are_set(recorded):
    async def main():
        await aioxide.gather(sleeper(0.002), sleeper(0.01))

    timers = [event.timers for event in recorded(main).of(PollWait)]
    assert (timers[0], timers[-1]) == (2, 1)


def test_a_task_is_placed_at_the_user_s_line_and_at_its_coroutine(recorded):
    async def main():
        task = aioxide.create_task(sleeper(0), name="placed")  # created here
        await task
        async with aioxide.TaskGroup() as group:
            group.create_task(sleeper(0), name="grouped")  # grouped here
        await aioxide.gather(sleeper(0))  # gathered here

    trace = recorded(main)
    placed = trace.task_named("placed")
    assert trace.place(placed.created_at) == (
        HERE,
        main.__qualname__,
        line_of("# created here"),
    )
    assert trace.place(placed.coroutine) == (HERE, "sleeper", sleeper.__code__.co_firstlineno)
    grouped = trace.place(trace.task_named("grouped").created_at)
    assert grouped.line == line_of("# grouped here")
    lines = [trace.place(t.created_at).line for t in trace.tasks.values() if t.created_at]
    assert line_of("# gathered here") in lines


def test_frames_of_asyncio_and_aioxide_are_not_the_user_s_line(recorded):
    trace = recorded(lambda: sleeper(0))
    (main,) = trace.tasks.values()
    assert trace.place(main.created_at).file not in (None, asyncio.runners.__file__)
    assert "/asyncio/" not in trace.place(main.created_at).file


def test_parents_are_the_tasks_that_create(recorded):
    async def child():
        await aioxide.create_task(sleeper(0), name="grandchild")

    async def main():
        aioxide.current_task().set_name("root")
        await aioxide.create_task(child(), name="child")

    trace = recorded(main)
    root, child_, grandchild = map(trace.task_named, ("root", "child", "grandchild"))
    assert (root.parent, child_.parent, grandchild.parent) == (0, root.id, child_.id)
    created = {event.task: event.parent for event in trace.of(Created)}
    assert created[grandchild.id] == child_.id


def test_a_failure_and_a_cancellation_are_told_apart(recorded):
    async def fail():
        1 / 0  # noqa: B018

    async def main():
        failing = aioxide.create_task(fail(), name="failing")
        cancelled = aioxide.create_task(sleeper(60), name="cancelled")
        await aioxide.sleep(0)
        cancelled.cancel()
        await aioxide.wait([failing, cancelled])
        failing.exception()

    trace = recorded(main)
    assert trace.steps_of("failing")[-1].outcome == "failed"
    assert trace.steps_of("cancelled")[-1].outcome == "cancelled"
    (request,) = trace.of(Cancel)
    cancelled = trace.task_named("cancelled")
    assert (request.task, request.by) == (cancelled.id, cancelled.parent)


def test_an_exception_that_gather_has_returned_is_kept(recorded):
    async def fail():
        raise LookupError("no such page")

    async def main():
        assert len(await aioxide.gather(fail(), fail(), return_exceptions=True)) == 2

    trace = recorded(main)
    failed = {step.task for step in trace.of(Step) if step.outcome == "failed"}
    assert len(failed) == 2
    assert {failure["task"] for failure in trace.failures} == failed
    for failure in trace.failures:
        assert (failure["type"], failure["text"]) == ("LookupError", "no such page")
        assert failure["traceback"] == ""


def test_a_wake_up_names_who_woke(recorded):
    async def main():
        future = aioxide.get_running_loop().create_future()

        async def waiter():
            await future

        async def waker():
            future.set_result(None)

        task = aioxide.create_task(waiter(), name="waiter")
        await aioxide.sleep(0)
        await aioxide.create_task(waker(), name="waker")
        await task
        await aioxide.create_task(sleeper(0.001), name="sleeper")

    trace = recorded(main)
    woken = {trace.name(event.task): event for event in trace.of(Woken)}
    waiter = woken["waiter"]
    assert (waiter.waker, waiter.by) == ("task", trace.task_named("waker").id)
    assert woken["sleeper"].waker == "timer"
    assert trace.steps_of("waiter")[0].wait == "future"


@pytest.mark.parametrize(
    ("wait", "make"),
    [
        ("lock", lambda: _second(aioxide.Lock())),
        ("semaphore", lambda: _second(aioxide.Semaphore())),
        ("event", lambda: aioxide.Event().wait()),
        ("queue-get", lambda: aioxide.Queue().get()),
        ("queue-put", lambda: _full_queue()),
        ("condition", lambda: _notice()),
        ("barrier", lambda: aioxide.Barrier(2).wait()),
        ("gather", lambda: _gathered()),
        ("task-group", lambda: _group()),
        ("thread", lambda: aioxide.to_thread(__import__("time").sleep, 0.05)),
        ("timeout", lambda: aioxide.wait_for(_future(), 60)),
        ("read", lambda: aioxide.StreamReader().read()),
        ("read", lambda: _received()),
        ("accept", lambda: _accepted()),
    ],
)
def test_kinds_of_waits(recorded, wait, make):
    async def waiter():
        await make()

    async def main():
        task = aioxide.create_task(waiter(), name="waiter")
        for _ in range(3):
            await aioxide.sleep(0)
        task.cancel()
        await aioxide.wait([task])

    trace = recorded(main)
    assert wait in [step.wait for step in trace.steps_of("waiter")]


async def _second(lock):
    await lock.acquire()
    await lock.acquire()


async def _full_queue():
    queue = aioxide.Queue(1)
    await queue.put(1)
    await queue.put(2)


async def _notice():
    condition = aioxide.Condition()
    async with condition:
        await condition.wait()


async def _gathered():
    await aioxide.gather(sleeper(60), sleeper(60))


async def _group():
    async with aioxide.TaskGroup() as group:
        group.create_task(sleeper(60))


async def _received():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        await aioxide.get_running_loop().sock_recv(ours, 10)


async def _accepted():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        await aioxide.get_running_loop().sock_accept(server)


def _future():
    return aioxide.get_running_loop().create_future()


def test_callbacks_are_named_by_their_functions(recorded):
    def function():
        pass

    class Receiver:
        def method(self):
            pass

    async def main():
        loop = aioxide.get_running_loop()
        loop.call_soon(function)
        loop.call_later(0.001, Receiver().method)
        loop.call_soon(len, ())
        await aioxide.sleep(0.01)

    trace = recorded(main)
    called = {
        (event.item, place and place.function)
        for event in trace.of(Callback)
        for place in [trace.place(event.location)]
    }
    assert ("handle", function.__qualname__) in called
    assert ("timer", Receiver.method.__qualname__) in called
    assert ("handle", None) in called


def test_items_follow_one_another_and_fill_the_iteration(recorded):
    async def busy():
        for _ in range(50):
            await aioxide.sleep(0)

    async def main():
        await aioxide.gather(busy(), busy(), busy())

    trace = recorded(main)
    items = list(trace.items())
    assert len(items) > 150
    assert all(begin <= end for _, begin, end in items)
    assert any(event.ready == 3 for event in trace.of(Iteration))


def test_a_blocking_step_is_as_long_as_it_blocks(recorded):
    import time

    async def main():
        time.sleep(0.05)

    trace = recorded(main)
    first, last = trace.meta["calibration"][0], trace.calibrations[-1]
    speed = (last["ticks"] - first["ticks"]) / (last["unix_ns"] - first["unix_ns"])
    longest = max(end - begin for event, begin, end in trace.items() if type(event) is Step)
    assert 0.045 < longest / speed / 1e9 < 5


def test_the_oldest_events_are_dropped_and_counted(recorded):
    async def main():
        for _ in range(3000):
            await aioxide.sleep(0)

    trace = recorded(main, capacity=1000)
    ((loop, dropped),) = trace.dropped.items()
    assert dropped > 1000
    assert 1000 < len([event for event in trace.events if event.loop == loop]) <= 1024


def test_a_live_task_is_there_though_its_events_were_dropped(recorded):
    async def main():
        aioxide.create_task(sleeper(60), name="old")
        for _ in range(3000):
            await aioxide.sleep(0)

    trace = recorded(main, capacity=1024)
    (state,) = trace.steps_of("old")
    assert (state.ticks, state.outcome, state.wait) == (0, "waiting", "sleep")


def test_tasks_that_ended_have_a_name_as_long_as_their_events_are_there(recorded):
    async def main():
        for number in range(2000):
            await aioxide.create_task(sleeper(0), name=f"short-{number}")

    trace = recorded(main, capacity=1024)
    unknown = {step.task for step in trace.of(Step)} - set(trace.tasks)
    assert unknown == set()
    assert trace.name(trace.of(Step)[-2].task).startswith("short-")


def test_tasks_that_were_there_before_are_recorded(tmp_path):
    path = tmp_path / "late.aiotrace"

    async def main():
        early = aioxide.create_task(sleeper(60), name="early")
        await aioxide.sleep(0)
        with aioxide.record():
            aioxide.current_task().set_name("main")
            await aioxide.sleep(0)
            aioxide.dump_trace(path)
        early.cancel()

    aioxide.run(main())
    trace = read(path)
    assert trace.task_named("early").created == 0
    assert trace.place(trace.task_named("early").coroutine).function == "sleeper"
    assert trace.task_named("main").parent == 0


def test_eager_tasks_have_their_first_step_inside_another(recorded):
    async def main():
        loop = aioxide.get_running_loop()
        task = aioxide.Task(sleeper(0.001), loop=loop, name="eager", eager_start=True)
        await task

    trace = recorded(main)
    first, last = trace.steps_of("eager")
    assert (first.ticks, first.outcome, first.wait) == (0, "waiting", "sleep")
    assert last.outcome == "done"


def test_long_and_odd_names(recorded):
    names = ["x" * 200, "é" * 60, "<b>\x1b[31m", "", "\udc80"]

    async def main():
        for name in names:
            await aioxide.create_task(sleeper(0), name=name)

    trace = recorded(main)
    kept = {trace.strings[task.name] for task in trace.tasks.values()}
    assert {"<b>\x1b[31m", ""} <= kept
    assert any(name.startswith("xxx") and name.endswith("…") for name in kept)
    assert all(len(name.encode()) <= 56 for name in kept)


def test_a_mark_is_a_text_among_the_events(recorded):
    async def main():
        recording.mark("half-way")

    trace = recorded(main)
    (mark,) = trace.of(Mark)
    assert trace.strings[mark.string] == "half-way"


def test_a_mark_needs_a_running_loop():
    with pytest.raises(RuntimeError, match="no loop of aioxide is running"):
        recording.mark("nowhere")


def test_the_file_says_which_process_it_was(recorded):
    trace = recorded(lambda: sleeper(0))
    assert trace.meta["pid"] == os.getpid()
    assert trace.meta["argv"] == sys.argv
    assert trace.meta["aioxide"] == aioxide.__version__
    assert trace.meta["python"].startswith(".".join(map(str, sys.version_info[:3])))
    assert trace.meta["clock"] in ("tsc", "monotonic")
    assert trace.rest == 0


def test_each_loop_has_events_of_its_own(tmp_path):
    path = tmp_path / "loops.aiotrace"
    with aioxide.record():
        aioxide.run(sleeper(0))
        aioxide.run(sleeper(0))
        aioxide.dump_trace(path)
    trace = read(path)
    assert len({step.loop for step in trace.of(Step)}) == 2
    assert {task.loop for task in trace.tasks.values()} == {e.loop for e in trace.events}


def test_what_was_recorded_can_be_dumped_after_the_end(tmp_path):
    with aioxide.record() as made:
        aioxide.run(sleeper(0))
    assert not made.is_running
    made.dump(tmp_path / "after.aiotrace")
    assert read(tmp_path / "after.aiotrace").of(Step)


def test_a_second_recording_begins_empty(tmp_path):
    with aioxide.record():
        aioxide.run(sleeper(0))
    with aioxide.record() as second:
        assert second.dropped == 0
        aioxide.dump_trace(tmp_path / "empty.aiotrace")
    assert read(tmp_path / "empty.aiotrace").events == []


def test_recording_is_asked_for_once():
    with aioxide.record(capacity=2000) as first:
        assert aioxide.record() is first
        assert aioxide.record(capacity=2000) is first
        with pytest.raises(RuntimeError, match="runs already .capacity=2000"):
            aioxide.record(capacity=3000)
    first.stop()


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"capacity": 0}, ValueError, "not 0"),
        ({"capacity": 2**40}, ValueError, "1099511627776"),
        ({"capacity": "many"}, TypeError, "'many'"),
        ({"capacity": True}, TypeError, "True"),
        ({"save": 3}, TypeError, "int"),
        ({"save": b"x"}, TypeError, "b'x'"),
        ({"signal": 12}, ValueError, "save="),
        ({"full": True}, ValueError, "file="),
        ({"file": "trace.json"}, ValueError, "trace.json"),
        ({"file": 1}, TypeError, "int"),
    ],
)
def test_bad_options_name_the_value(options, error, text):
    with pytest.raises(error, match=text):
        aioxide.record(**options)
    assert not recording.is_recording()


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    with aioxide.record(), pytest.raises(FileNotFoundError) as raised:
        aioxide.dump_trace(tmp_path / "no" / "where.aiotrace")
    assert raised.value.filename == str(tmp_path / "no" / "where.aiotrace")


def test_debug_mode_and_a_recording_go_together(recorded):
    async def main():
        aioxide.get_running_loop().set_debug(True)
        await aioxide.create_task(sleeper(0.001), name="debugged")

    trace = recorded(main)
    assert [step.outcome for step in trace.steps_of("debugged")] == ["waiting", "done"]


def test_a_recording_may_stop_and_start_inside_a_step(tmp_path):
    async def main():
        first = aioxide.record()
        await aioxide.sleep(0)
        first.stop()
        await aioxide.sleep(0)
        with aioxide.record():
            await aioxide.sleep(0)
            aioxide.dump_trace(tmp_path / "again.aiotrace")

    aioxide.run(main())
    trace = read(tmp_path / "again.aiotrace")
    assert len(trace.tasks) == 1


def test_the_objects_that_tasks_wait_for_are_named(recorded):
    async def hold(lock):
        async with lock:
            await aioxide.sleep(0.001)

    async def main():
        lock = aioxide.Lock()  # made here
        await aioxide.gather(*(aioxide.create_task(hold(lock), name=n) for n in "ab"))

    trace = recorded(main)
    (lock,) = [each for each in trace.objects.values() if each.kind == "lock"]
    assert trace.place(lock.location) == (HERE, main.__qualname__, line_of("# made here"))
    waiting = trace.steps_of("b")[0]
    assert (waiting.wait, waiting.waits_for) == ("lock", lock.id)


def test_a_dump_has_the_await_stacks_of_suspended_tasks(tmp_path):
    path = tmp_path / "stacks.aiotrace"

    async def outer():
        await sleeper(60)  # awaits here

    async def main():
        with aioxide.record():
            task = aioxide.create_task(outer(), name="outer")
            await aioxide.sleep(0)
            aioxide.dump_trace(path)
            task.cancel()

    aioxide.run(main())
    trace = read(path)
    stacks = {trace.name(stack.task): stack for stack in trace.stacks}
    places = [trace.place(frame) for frame in stacks["outer"].frames]
    assert places[0].line == line_of("# awaits here")
    assert places[1].function == "sleeper"


def test_transports_say_what_they_received_and_sent(recorded):
    async def main():
        async def echo(reader, writer):
            writer.write(await reader.read(100))
            await reader.read()
            writer.close()

        server = await aioxide.start_server(echo, "127.0.0.1", 0)
        reader, writer = await aioxide.open_connection(*server.sockets[0].getsockname())
        writer.write(b"x" * 100)
        await reader.readexactly(100)
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()

    trace = recorded(main)
    transports = {each.id for each in trace.objects.values() if each.kind == "transport"}
    assert len(transports) == 2
    totals = dict.fromkeys(transports, (0, 0))
    for event in trace.of(Bytes):
        received, sent = totals[event.transport]
        totals[event.transport] = received + event.received, sent + event.sent
    assert list(totals.values()) == [(100, 100), (100, 100)]
    assert any(event.transports == 2 for event in trace.of(Iteration))


def test_an_exception_whose_text_cannot_be_encoded(recorded, monkeypatch):
    unraisable = []
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)

    async def failing():
        raise LookupError("\ud800 is no character")

    async def main():
        await asyncio.gather(aioxide.create_task(failing(), name="failing"), return_exceptions=True)

    (failure,) = recorded(main).failures
    assert failure["text"] == "\\ud800 is no character"
    assert unraisable == []
