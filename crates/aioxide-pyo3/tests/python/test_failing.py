"""Errors and panics."""

import asyncio
import gc
import traceback
import weakref

import pytest


@pytest.mark.parametrize("seconds", [0, 0.001])
def test_a_traceback_names_the_function(probe, run, seconds):
    async def main():
        with pytest.raises(ValueError, match="wrong") as raised:
            await probe.raises("wrong", seconds)
        entries = traceback.extract_tb(raised.value.__traceback__)
        last = entries[-1]
        assert last.name == "aioxide_pyo3_probe::failing::raises"
        assert last.filename.endswith("probe/src/failing.rs")
        assert [entry.name for entry in entries].count(last.name) == 1
        coroutine = probe.nothing()
        coroutine.close()

    run(main)


@pytest.mark.parametrize("seconds", [0, 0.001])
def test_a_panic_becomes_an_exception(probe, run, seconds):
    async def main():
        dropped = probe.dropped()
        with pytest.raises(SystemError, match="^a Rust future panicked: ouch$"):
            await probe.panics("ouch", seconds)
        assert probe.dropped() == dropped + 1

    run(main)


def test_a_panic_in_a_destructor_is_reported(probe, run, monkeypatch):
    reported = []
    monkeypatch.setattr("sys.unraisablehook", lambda it: reported.append(str(it.exc_value)))

    async def main():
        task = asyncio.get_running_loop().create_task(probe.panics_in_drop())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main)
    assert reported == ["a Rust future panicked: dropped"]


def test_stop_iteration_is_an_error(probe, run):
    async def main():
        with pytest.raises(RuntimeError, match="coroutine raised StopIteration"):
            await probe.stops()

    run(main)


def test_what_needs_a_loop_panics_outside_of_one(probe):
    with pytest.raises(BaseException, match="has to be polled by a coroutine of aioxide_pyo3"):
        probe.outside()


def test_the_collector_frees_what_refers_to_itself(probe, run):
    async def main():
        loop = asyncio.get_running_loop()
        node = probe.Node()
        coroutine = node.wait()
        coroutine.send(None)
        node.coroutine = coroutine
        gone = weakref.ref(node)
        del node, coroutine
        gc.collect()
        assert gone() is None
        assert loop.is_running()

    run(main)


def test_a_held_object_is_there(probe, run):
    async def main():
        assert await probe.keeps([1]) == "[1]"

    run(main)


def test_references_go_with_the_coroutine(probe, run):
    class Thing:
        pass

    async def main():
        thing = Thing()
        gone = weakref.ref(thing)
        assert await probe.same(thing) is thing
        task = asyncio.get_running_loop().create_task(probe.later(1000, thing))
        await asyncio.sleep(0)
        del thing
        assert gone() is not None
        task.cancel()
        await asyncio.wait([task])
        del task
        gc.collect()
        assert gone() is None

    run(main)


def test_a_loop_that_is_closed_is_not_woken(probe, run):
    async def main():
        task = asyncio.get_running_loop().create_task(probe.wakes_late(False))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    run(main)

    async def other():
        await probe.wakes_late(True)

    run(other)
