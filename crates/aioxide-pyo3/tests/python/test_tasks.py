"""Awaiting Python, tasks, contexts, clean-up."""

import asyncio
import contextvars
import sys

import pytest


async def returns(value):
    return value


async def waits(value):
    await asyncio.sleep(0.001)
    return value


async def fails():
    await asyncio.sleep(0)
    raise KeyError("python")


def test_awaiting_coroutines(probe, run):
    async def main():
        assert await probe.calls(returns, 1) == 1
        assert await probe.calls(waits, 2) == 2
        with pytest.raises(KeyError, match="python"):
            await probe.calls(fails)
        with pytest.raises(TypeError):
            await probe.calls(int, 1)

    run(main)


def test_awaiting_futures(probe, run):
    async def main():
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        future.set_result(1)
        assert await probe.calls(lambda: future) == 1
        future = loop.create_future()
        loop.call_soon(future.set_result, 2)
        assert await probe.calls(lambda: future) == 2
        future = loop.create_future()
        loop.call_soon(future.set_exception, KeyError("late"))
        with pytest.raises(KeyError, match="late"):
            await probe.calls(lambda: future)

    run(main)


def test_rust_awaits_python_awaits_rust(probe, run):
    async def inner(depth):
        if depth == 0:
            return await probe.later(0.001, "deep")
        return await probe.calls(inner, depth - 1)

    async def main():
        assert await probe.calls(inner, 20) == "deep"

    run(main)


def test_cancellation_goes_down(probe, run):
    seen = []

    async def inner():
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def main():
        dropped = probe.dropped()
        task = asyncio.get_running_loop().create_task(probe.calls(inner))
        await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0)
        assert seen == ["cancelled"]
        assert probe.dropped() == dropped + 1

    run(main)


def test_cancellation_comes_up(probe, run):
    async def inner():
        raise asyncio.CancelledError("from below")

    async def main():
        with pytest.raises(asyncio.CancelledError):
            await probe.calls(inner)
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.cancel)
        with pytest.raises(asyncio.CancelledError):
            await probe.calls(lambda: future)

    run(main)


def test_contexts_cross_in_both_directions(probe, run):
    variable = contextvars.ContextVar("variable", default="none")

    async def read():
        value = variable.get()
        variable.set("of the coroutine")  # In its copy.
        return value

    async def main():
        variable.set("of main")
        task = asyncio.get_running_loop().create_task(probe.context(variable, read))
        variable.set("changed")
        assert await task == ["of main"] * 3 + ["of the body"]
        assert variable.get() == "changed"
        # Awaited in place it is the caller's context.
        assert await probe.context(variable, read) == ["changed"] * 3 + ["of the body"]
        assert variable.get() == "of the body"

    run(main)


def test_spawning(probe, run):
    async def main():
        assert await probe.spawns(10) == 45
        log = []
        task = probe.detached(log)
        assert isinstance(task, asyncio.Future)
        await task
        assert log == ["ran"]

    run(main)


def test_spawning_without_a_loop(probe):
    with pytest.raises(RuntimeError, match="no running event loop"):
        probe.detached([])


def test_clean_up_runs_at_the_end(probe, run):
    async def main():
        log = []
        await probe.cleans_up(0.001, log)
        assert log == ["begun", "done", "cleaning", "clean"]

    run(main)


def test_clean_up_runs_after_a_cancellation(probe, run, until):
    async def main():
        log = []
        task = asyncio.get_running_loop().create_task(probe.cleans_up(1000, log))
        await until(lambda: log)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: "clean" in log)
        assert log == ["begun", "cleaning", "clean"]

    run(main)


def test_what_was_never_begun_is_not_cleaned_up(probe, run):
    async def main():
        log = []
        task = asyncio.get_running_loop().create_task(probe.cleans_up(1, log))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.002)
        assert log == []

    run(main)


def test_a_body_that_was_never_awaited_is_not_cleaned_up(probe, run, until):
    async def main():
        log = []
        task = asyncio.get_running_loop().create_task(probe.never_awaits_its_body(log))
        await until(lambda: log)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.002)
        assert log == ["waiting"]

    run(main)


def test_a_shielded_part_goes_on(probe, run, until):
    async def main():
        log = []
        assert await probe.shielded(log) == "done"
        assert log == ["went on"]
        log.clear()
        task = asyncio.get_running_loop().create_task(probe.shielded(log))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: log)

    run(main)


@pytest.mark.skipif(sys.version_info < (3, 14), reason="call graphs came with Python 3.14")
def test_call_graphs_lead_from_what_is_awaited_to_the_task(probe, run, is_native):
    async def main():
        loop = asyncio.get_running_loop()
        future = loop.create_future()

        async def wait():
            return await future

        inner = loop.create_task(wait())
        tasks = [loop.create_task(probe.calls(lambda: inner)) for _ in range(2)]
        await asyncio.sleep(0)
        # Elsewhere the loop is told by a callback, which a graph does not show.
        assert (inner._asyncio_awaited_by or frozenset()) == (set(tasks) if is_native else set())
        if is_native:
            graph = asyncio.capture_call_graph(inner)
            assert {it.future for it in graph.awaited_by} == set(tasks)
        future.set_result("done")
        assert await asyncio.gather(*tasks) == ["done", "done"]
        assert not inner._asyncio_awaited_by

    run(main)


@pytest.mark.skipif(sys.version_info < (3, 14), reason="call graphs came with Python 3.14")
def test_a_task_that_is_cancelled_is_in_no_call_graph(probe, run):
    async def main():
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        task = loop.create_task(probe.calls(lambda: future))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled() and future.cancelled()
        assert not future._asyncio_awaited_by

    run(main)
