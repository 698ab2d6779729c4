"""Coroutines of an extension on aioxide's loop: they are coroutines like any other."""

import asyncio
import contextvars
import gc
import inspect
import socket
import time
import types
import weakref

import aioxide
import pytest
from aioxide import testing


def run(function):
    return aioxide.run(function())


def test_a_ready_future_needs_no_iteration(probe):
    async def main():
        seen = []
        asyncio.get_running_loop().call_soon(seen.append, "next iteration")
        assert await probe.run((("return", 7),)) == 7
        assert seen == []

    run(main)


def test_it_is_a_coroutine_like_any_other(probe):
    coroutine = probe.run(())
    assert isinstance(coroutine, types.CoroutineType)
    assert asyncio.iscoroutine(coroutine)
    assert inspect.isawaitable(coroutine)
    assert (coroutine.__name__, coroutine.__qualname__) == ("run", "Probe.run")
    assert repr(coroutine).startswith("<coroutine object Probe.run at 0x")
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED
    coroutine.close()
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED


def test_nothing_runs_before_the_first_step(probe):
    called = []
    coroutine = probe.run((("call", lambda: called.append(True)),), lambda: called.append("over"))
    assert called == []
    coroutine.close()
    assert called == ["over"]


def test_one_that_is_never_awaited_warns(probe):
    with pytest.warns(RuntimeWarning, match=r"coroutine 'Probe\.run' was never awaited"):
        probe.run(())


def test_a_future_that_wakes_itself_lets_others_run(probe):
    async def main():
        order = []

        async def foreign():
            await probe.run((("suspend", 2),))
            order.append("foreign")

        async def python():
            for number in range(3):
                order.append(number)
                await asyncio.sleep(0)

        await asyncio.gather(foreign(), python())
        assert order == [0, 1, "foreign", 2]

    run(main)


@pytest.mark.parametrize("form", ["word", "waker"])
def test_a_timer_keeps_the_loops_time(probe, form):
    sleep = ("sleep", 3600)

    async def main():
        loop = asyncio.get_running_loop()
        start = loop.time()
        ended = await probe.run((sleep if form == "word" else ("through a waker", sleep),))
        assert ended is None
        assert loop.time() - start >= 3600
        assert await probe.run((("time",),)) == loop.time()

    testing.run(main())


@pytest.mark.parametrize("form", ["word", "waker"])
def test_a_descriptor_wakes_it(probe, form):
    async def main():
        ours, theirs = socket.socketpair()
        with ours, theirs:
            await probe.run((("ready", (ours.fileno(), 1)),))
            ready = ("ready", (ours.fileno(), 0))
            program = (ready if form == "word" else ("through a waker", ready),)
            task = asyncio.create_task(probe.run(program))
            await asyncio.sleep(0)
            assert not task.done()
            theirs.send(b"data")
            await task
            # It watches no longer.
            assert not asyncio.get_running_loop().remove_reader(ours)

    run(main)


@pytest.mark.parametrize("form", ["word", "waker"])
def test_a_call_in_a_thread_leaves_the_loop_free(probe, form):
    async def main():
        turns = 0
        thread = ("thread", 0.02)
        program = (thread if form == "word" else ("through a waker", thread),)
        task = asyncio.create_task(probe.run(program))
        while not task.done():
            await asyncio.sleep(0)
            turns += 1
        await task
        assert turns > 10

    run(main)


@pytest.mark.parametrize("form", ["word", "waker"])
def test_python_is_awaited(probe, form):
    async def inner(result):
        await asyncio.sleep(0)
        return result

    async def main():
        for what in (inner("coroutine"), asyncio.create_task(inner("task"))):
            awaited = ("await", what)
            program = (awaited if form == "word" else ("through a waker", awaited),)
            assert await probe.run(program) in ("coroutine", "task")

    run(main)


def test_a_coroutine_that_returns_at_once_needs_no_iteration(probe):
    async def inner():
        assert asyncio.current_task() is not outer
        return "at once"

    async def main():
        nonlocal outer
        outer = asyncio.current_task()
        seen = []
        asyncio.get_running_loop().call_soon(seen.append, "next iteration")
        assert await probe.run((("await", inner()),)) == "at once"
        assert seen == []
        assert asyncio.current_task() is outer

    outer = None
    run(main)


def test_a_coroutine_that_ends_the_program_at_once_ends_it(probe):
    async def inner():
        raise SystemExit(7)

    async def main():
        await probe.run((("await", inner()),))

    with pytest.raises(SystemExit) as raised:
        run(main)
    assert raised.value.code == 7


def test_a_task_factory_makes_the_tasks_of_what_it_awaits(probe):
    made = []

    async def inner():
        return 3

    def factory(loop, coroutine, **options):
        made.append(coroutine)
        return asyncio.Task(coroutine, loop=loop, **options)

    async def main():
        asyncio.get_running_loop().set_task_factory(factory)
        coroutine = inner()
        assert await probe.run((("await", coroutine),)) == 3
        assert made == [coroutine]

    run(main)


def test_an_exception_of_what_it_awaits_is_raised_unchanged(probe):
    error = KeyError("its own")

    async def inner():
        raise error

    async def main():
        with pytest.raises(KeyError) as raised:
            await probe.run((("await", inner()),))
        assert raised.value is error

    run(main)


def test_its_own_exception_is_raised_unchanged(probe):
    error = KeyError("its own")

    async def main():
        with pytest.raises(KeyError) as raised:
            await probe.run((("suspend", 1), ("raise", error)))
        assert raised.value is error

    run(main)


def test_what_cannot_be_awaited_is_refused(probe):
    async def main():
        with pytest.raises(TypeError, match="awaitable"):
            await probe.run((("await", 3),))

    run(main)


def test_cancellation_drops_the_future_before_it_is_raised(probe):
    async def main():
        order = []
        program = (("forever",),)
        task = asyncio.create_task(probe.run(program, lambda: order.append("dropped")))
        await asyncio.sleep(0)
        task.add_done_callback(lambda task: order.append("cancelled"))
        task.cancel("a message")
        await asyncio.wait([task])
        await asyncio.sleep(0)
        assert order == ["dropped", "cancelled"]

    run(main)


@pytest.mark.parametrize("operation", [("sleep", 1000), ("forever",), ("thread", 0.01)])
def test_cancellation_lets_go_of_what_it_waited_for(probe, operation):
    async def main():
        tasks = [asyncio.create_task(probe.run((operation,))) for _ in range(50)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert all(task.cancelled() for task in tasks)

    run(main)


def test_cancellation_passes_on_to_what_it_awaits(probe):
    async def main():
        ended = asyncio.Event()

        async def inner():
            try:
                await asyncio.sleep(3600)
            finally:
                ended.set()

        task = asyncio.create_task(probe.run((("await", inner()),)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await ended.wait()

    run(main)


def test_cancellation_of_what_it_awaits_comes_back(probe):
    async def main():
        future = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(probe.run((("await", future),)))
        await asyncio.sleep(0)
        future.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main)


def test_context_variables_hold_while_it_is_polled(probe):
    variable = contextvars.ContextVar("variable", default="outside")

    async def main():
        async def inner():
            return variable.get()

        async def with_value(value):
            variable.set(value)
            assert await probe.run((("suspend", 1), ("call", variable.get))) == value
            return await probe.run((("suspend", 1), ("await", inner())))

        assert await asyncio.gather(with_value(1), with_value(2)) == [1, 2]

    run(main)


def test_the_current_task_is_its_own(probe):
    async def main():
        seen = await probe.run((("suspend", 1), ("call", asyncio.current_task)))
        assert seen is asyncio.current_task()

    run(main)


def test_a_spawned_coroutine_outlives_its_parent(probe):
    async def main():
        event = asyncio.Event()
        task = await probe.run((("spawn", event.wait()),))
        assert isinstance(task, asyncio.Task)
        event.set()
        assert await task is True

    run(main)


def test_a_coroutine_of_its_own_is_awaited_by_it(probe):
    async def main():
        inner = probe.run((("suspend", 2), ("return", "inner")))
        assert await probe.run((("await", inner),)) == "inner"

    run(main)


def test_what_is_held_comes_back(probe):
    async def main():
        thing = object()
        assert await probe.run((("hold", thing), ("suspend", 1), ("held",))) is thing

    run(main)


class Witness:
    """Something that can be referred to weakly."""

    def __call__(self):
        pass


@pytest.mark.parametrize("way", ["traverse", "held", "owner"])
def test_a_cycle_through_a_waiting_future_is_collected(probe, way):
    async def main():
        witness = Witness()
        reference = weakref.ref(witness)
        program = (("hold", witness) if way == "held" else ("return", None), ("forever",))
        coroutine = probe.run(
            program,
            witness if way == "traverse" else None,
            witness if way == "owner" else None,
        )
        coroutine.send(None)
        witness.coroutine = coroutine
        del witness, coroutine, program
        gc.collect()
        assert reference() is None

    run(main)


def test_many_suspend_and_end(probe):
    async def main():
        tasks = [asyncio.create_task(probe.run((("suspend", 3),))) for _ in range(5000)]
        await asyncio.gather(*tasks)

    run(main)


def test_a_closed_loop_is_refused(probe):
    loop = aioxide.new_event_loop()
    task = loop.create_task(probe.run((("forever",),)))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    task._log_destroy_pending = False
    task.get_coro().close()
    coroutine = probe.run(())
    asyncio._set_running_loop(loop)
    try:
        with pytest.raises(RuntimeError, match="Event loop is closed"):
            coroutine.send(None)
    finally:
        asyncio._set_running_loop(None)


def test_without_a_loop_it_is_refused(probe):
    dropped = []
    coroutine = probe.run((), lambda: dropped.append(True))
    with pytest.raises(RuntimeError, match="no running event loop"):
        coroutine.send(None)
    assert dropped == [True]


def test_it_ends_with_a_loop_that_is_closed_under_it(probe):
    loop = aioxide.new_event_loop()
    tasks = [
        loop.create_task(probe.run((operation,)))
        for operation in (("sleep", 100), ("thread", 0.0), ("await", loop.create_future()))
    ]
    loop.run_until_complete(asyncio.sleep(0))
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    for task in tasks:
        task._log_destroy_pending = False
        task.get_coro().close()


def test_debug_mode(probe):
    async def main():
        task = asyncio.create_task(probe.run((("suspend", 2), ("sleep", 0), ("return", 3))))
        assert await task == 3

    aioxide.run(main(), debug=True)


def test_debug_mode_tells_where_it_was_made(probe, recwarn):
    async def main():
        probe.run(())

    aioxide.run(main(), debug=True)
    warning = recwarn.pop(RuntimeWarning)
    assert "was never awaited" in str(warning.message)
    assert "Coroutine created at" in str(warning.message)


def test_nested_loops_keep_their_wakes_apart(probe):
    loop, inner = aioxide.new_event_loop(), aioxide.new_event_loop()

    async def main():
        task = asyncio.create_task(probe.run((("suspend", 3),)))
        await asyncio.sleep(0)
        # asyncio allows it where no loop is said to run, and from 3.14 on no task either.
        outer = asyncio.current_task()
        asyncio.tasks._leave_task(loop, outer)
        asyncio._set_running_loop(None)
        try:
            inner.run_until_complete(probe.run((("suspend", 3),)))
        finally:
            asyncio._set_running_loop(loop)
            asyncio.tasks._enter_task(loop, outer)
        await task

    loop.run_until_complete(main())
    loop.close()
    inner.close()


@pytest.mark.parametrize("seed", range(20))
def test_it_takes_part_in_interleavings(probe, seed):
    async def main():
        order = []

        async def each(name):
            await probe.run((("suspend", 2), ("sleep", 1), ("await", asyncio.sleep(0))))
            order.append(name)

        await asyncio.gather(*[each(name) for name in range(4)])
        return order

    first = testing.run(main(), seed=seed)
    assert sorted(first) == [0, 1, 2, 3]
    assert first == testing.run(main(), seed=seed)


def test_virtual_time_passes_at_once(probe):
    async def main():
        await asyncio.gather(*[probe.run((("sleep", seconds),)) for seconds in range(1000)])

    start = time.monotonic()
    testing.run(main())
    assert time.monotonic() - start < 20
