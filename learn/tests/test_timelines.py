"""From a recording to the timeline of a lab's run."""

import asyncio
import xml.etree.ElementTree as ElementTree
from dataclasses import asdict

import aioxide
import pytest
from aioxide_learn.labs import trace
from aioxide_learn.labs.life import MOST, Lives
from aioxide_learn.labs.recording import RecordedLoop, timeline
from aioxide_learn.labs.report import Part, Span
from aioxide_learn.timeline_text import LEGEND, as_text
from aioxide_learn.web import timelines


@pytest.fixture
def spans_of():
    """The spans of a program that has run on a recorded loop."""

    def spans_of(main):
        with aioxide.record() as recording:
            loop = RecordedLoop(None)
            try:
                loop.run_until_complete(main())
                return {span.task: span for span in timeline(recording, loop, set(), __file__)}
            finally:
                loop.forget()
                loop.close()

    # As in a lab: aioxide's own locks, queues and so on say what is waited for.
    aioxide.install()
    yield spans_of
    aioxide.uninstall()


def parts(span, *kinds):
    return [part for part in span.parts if part.kind in kinds]


def test_a_sleep_is_a_wait_of_virtual_time(spans_of):
    async def main():
        await asyncio.create_task(asyncio.sleep(3), name="sleeper")

    (wait,) = parts(spans_of(main)["sleeper"], "wait")
    assert (wait.start, wait.end, wait.what) == (0, 3, "sleep")


def test_waits_are_named_by_what_is_waited_for(spans_of):
    async def main():
        lock, queue = asyncio.Lock(), asyncio.Queue()

        async def hold():
            async with lock:
                await asyncio.sleep(2)
            await asyncio.sleep(1)
            await queue.put(1)
            await asyncio.sleep(1)

        async def use():
            async with lock:
                pass
            await queue.get()
            await holding

        holding = asyncio.create_task(hold(), name="holder")
        await asyncio.create_task(use(), name="user")

    lock, queue, task = (part.what for part in parts(spans_of(main)["user"], "wait"))
    line = test_waits_are_named_by_what_is_waited_for.__code__.co_firstlineno + 2
    assert lock == f"a lock (made in line {line})"
    assert queue.startswith("an item of a queue") and task == "the task holder"


def test_a_task_that_is_awaited_is_named(spans_of):
    async def main():
        async def outer():
            await inner

        inner = asyncio.create_task(asyncio.sleep(1), name="inner")
        await asyncio.create_task(outer(), name="outer")

    (wait,) = parts(spans_of(main)["outer"], "wait")
    assert wait.what == "the task inner"


def test_ready_is_between_the_wake_up_and_the_step(spans_of):
    async def main():
        async with asyncio.TaskGroup() as group:
            for name in "abc":
                group.create_task(asyncio.sleep(1), name=name)

    spans = spans_of(main)
    # All three are woken at the same time; the last has waited for the steps of the others.
    ready = parts(spans["c"], "ready")[-1]
    assert (ready.start, ready.end) == (1, 1) and ready.last - ready.first == 2


def test_a_request_to_cancel_is_seen(spans_of):
    async def main():
        task = asyncio.create_task(asyncio.sleep(10), name="cancelled")
        await asyncio.sleep(4)
        task.cancel()
        await asyncio.wait([task])

    span = spans_of(main)["cancelled"]
    assert span.state == "cancelled"
    assert [part.start for part in parts(span, "cancel")] == [4]


def test_what_is_too_much_is_left_out():
    events = [trace.Created(1), *[trace.Stepped(1, "yielded", "")] * (2 * MOST)]
    assert len(Lives([1]).parts(events, 0.0)[1]) == MOST


def test_what_is_no_trace_is_refused():
    with pytest.raises(ValueError, match="not a trace file of version 1"):
        trace.read(b"AIOTRACE\2\0\0\0", "")
    assert trace.read(b"AIOTRACE\1\0\0\0 cut off", "") == []


def drawn(*spans):
    return ElementTree.fromstring(timelines.timeline([asdict(span) for span in spans]))


def test_a_drawing_says_what_a_task_waited_for():
    waits = [
        Part("run", 0, 0, 0, 1),
        Part("wait", 0, 2, 1, 1, "a <lock>"),
        Part("run", 2, 2, 1, 2),
    ]
    root = drawn(Span("one", "work", 0, 2, "failed", waits))
    assert "1 task in 2 seconds: one 0 to 2 s, failed, 2 s waiting for a <lock>" in root.get(
        "aria-label"
    )
    titles = [each.text for each in root.iter() if each.tag.endswith("title")]
    assert "one: work waits for a <lock>, 0 to 2 s" in titles
    widths = [float(each.get("width")) for each in root.iter() if each.tag.endswith("rect")]
    assert min(widths) >= 5 and sum(widths) <= timelines.WIDTH - timelines.LEFT - timelines.RIGHT


def test_a_run_without_time_and_one_without_parts_are_drawn():
    assert timelines.timeline([]) is None
    drawn(Span("one", "work", 1, 1, "done", [Part("run", 1, 1, 0, 1)]))
    drawn(Span("one", "work", 0, 1, "pending"))
    report_of_an_older_version = {
        key: value for key, value in asdict(Span("a", "b", 0, 1, "done")).items() if key != "parts"
    }
    assert "a 0 to 1 s" in timelines.timeline([report_of_an_older_version])


def test_a_terminal_has_a_line_for_each_task():
    parts = [Part("run", 0, 0, 0, 1), Part("wait", 0, 2, 1, 1, "sleep"), Part("run", 2, 2, 1, 2)]
    lines = as_text([Span("one", "work", 0, 2, "done", parts)] * 25, 80)
    assert len(lines) == 22 and all(len(line) <= 80 for line in lines)
    assert lines[0].startswith("one ") and "█··" in lines[0] and lines[0].endswith("█")
    assert lines[-2] == "and 5 more tasks" and LEGEND in lines[-1]
    assert as_text([], 80) == []


def test_many_tasks_are_counted():
    spans = [Span(f"t{number}", "work", 0, 1, "done") for number in range(70)]
    assert "and 10 more tasks" in ElementTree.tostring(drawn(*spans), "unicode")
