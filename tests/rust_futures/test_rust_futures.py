"""Rust futures as bodies of native coroutines: what Python sees of them.

The coroutines come from ``aioxide._aioxide.RustFutures``, whose futures do one thing each.
"""

import asyncio
import contextvars
import gc
import inspect
import os
import socket
import threading
import weakref

import aioxide
import pytest
from aioxide import testing
from aioxide._aioxide import RustFutures

pytestmark = pytest.mark.timeout(30)


@pytest.fixture(autouse=True)
def only_once():
    """These tests have no other side: they run on aioxide's loop."""
    if os.environ.get("AIOXIDE_TEST_LOOPS") == "asyncio":
        pytest.skip("aioxide only")


def run(function):
    return aioxide.run(function())


def test_a_ready_future_needs_no_iteration():
    async def main():
        seen = []
        asyncio.get_running_loop().call_soon(seen.append, "next iteration")
        assert await RustFutures.ready() is None
        assert seen == []

    run(main)


def test_it_is_a_coroutine_like_any_other():
    coroutine = RustFutures.ready()
    assert inspect.isawaitable(coroutine)
    assert asyncio.iscoroutine(coroutine)
    assert coroutine.__qualname__ == "RustFutures.ready"
    coroutine.close()


def test_a_future_that_wakes_itself_lets_others_run():
    async def main():
        order = []

        async def rust():
            await RustFutures.suspend(2)
            order.append("rust")

        async def python():
            for number in range(3):
                order.append(number)
                await asyncio.sleep(0)

        await asyncio.gather(rust(), python())
        assert order == [0, 1, "rust", 2]

    run(main)


def test_all_tasks_and_current_task_see_it():
    async def main():
        task = asyncio.create_task(RustFutures.wait_for_ever(lambda: None), name="rust")
        await asyncio.sleep(0)
        assert task in asyncio.all_tasks()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main)


def test_cancellation_drops_the_future_before_it_is_raised():
    async def main():
        order = []
        task = asyncio.create_task(RustFutures.wait_for_ever(lambda: order.append("dropped")))
        await asyncio.sleep(0)
        task.add_done_callback(lambda task: order.append("cancelled"))
        task.cancel()
        await asyncio.wait([task])
        await asyncio.sleep(0)
        assert order == ["dropped", "cancelled"]

    run(main)


def test_a_timer_keeps_the_loops_time():
    async def main():
        loop = asyncio.get_running_loop()
        start = loop.time()
        await RustFutures.sleep_until(start + 3600)
        assert loop.time() - start >= 3600

    testing.run(main())


def test_a_cancelled_timer_is_gone():
    async def main():
        loop = asyncio.get_running_loop()
        tasks = [
            asyncio.create_task(RustFutures.sleep_until(loop.time() + 100)) for _ in range(1000)
        ]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert all(task.cancelled() for task in tasks)

    run(main)


def test_a_python_coroutine_runs_as_a_task():
    async def main():
        outer = asyncio.current_task()

        async def inner():
            assert asyncio.current_task() is not outer
            await asyncio.sleep(0)
            return "result"

        assert await RustFutures.wait_for(inner()) == "result"

    run(main)


def test_a_python_exception_is_raised_unchanged():
    async def main():
        error = KeyError("its own")

        async def inner():
            raise error

        with pytest.raises(KeyError) as raised:
            await RustFutures.wait_for(inner())
        assert raised.value is error

    run(main)


@pytest.mark.parametrize("done", [True, False])
def test_a_future_is_awaited_in_place(done):
    async def main():
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        if done:
            future.set_result(7)
        else:
            loop.call_soon(future.set_result, 7)
        assert await RustFutures.wait_for(future) == 7

    run(main)


def test_a_future_of_another_class_is_awaited():
    class Future(asyncio.Future):
        pass

    async def main():
        loop = asyncio.get_running_loop()
        future = Future(loop=loop)
        loop.call_soon(future.set_result, 7)
        assert await RustFutures.wait_for(future) == 7

    run(main)


def test_cancellation_passes_on_to_what_is_awaited():
    async def main():
        ended = asyncio.Event()

        async def inner():
            try:
                await asyncio.sleep(3600)
            finally:
                ended.set()

        task = asyncio.create_task(RustFutures.wait_for(inner()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await ended.wait()

    run(main)


@pytest.mark.parametrize("what", [3, None, "text"])
def test_what_cannot_be_awaited_is_refused(what):
    async def main():
        with pytest.raises(TypeError, match="awaitable"):
            await RustFutures.wait_for(what)

    run(main)


def test_context_variables_hold_while_it_is_polled():
    variable = contextvars.ContextVar("variable", default="outside")

    async def main():
        async def inner():
            return variable.get()

        async def with_value(value):
            variable.set(value)
            await RustFutures.suspend(1)
            assert variable.get() == value
            return await RustFutures.wait_for(inner())

        assert await asyncio.gather(with_value(1), with_value(2)) == [1, 2]

    run(main)


def test_a_thread_wakes_it_without_the_gil():
    async def main():
        # The loop holds the GIL only between its polls; the thread never asks for it.
        await asyncio.gather(*[RustFutures.wake_from_thread(20, 0.0) for _ in range(8)])

    run(main)


def test_a_panic_is_an_exception(capfd):
    async def main():
        with pytest.raises(SystemError, match="a Rust future panicked: on purpose"):
            await RustFutures.panic("on purpose")

    run(main)
    assert "on purpose" in capfd.readouterr().err


def test_a_spawned_coroutine_outlives_its_parent():
    async def main():
        event = asyncio.Event()
        task = await RustFutures.spawn(event.wait())
        assert not task.done()
        event.set()
        assert await task is True

    run(main)


def test_another_loop_is_refused():
    async def main():
        with pytest.raises(RuntimeError, match=r"RustFutures\.ready runs on a loop of aioxide"):
            await RustFutures.ready()

    asyncio.run(main())


def test_without_a_loop_it_is_refused():
    coroutine = RustFutures.ready()
    with pytest.raises(RuntimeError, match="no running event loop"):
        coroutine.send(None)


def test_a_cycle_through_a_waiting_future_is_collected():
    class Witness:
        pass

    async def main():
        witness = Witness()
        reference = weakref.ref(witness)

        def dropped(witness=witness):
            pass

        coroutine = RustFutures.wait_for_ever(dropped)
        coroutine.send(None)
        dropped.coroutine = coroutine
        del dropped, coroutine, witness
        gc.collect()
        assert reference() is None

    run(main)


def test_a_coroutine_that_is_dropped_unawaited_warns():
    coroutine = RustFutures.ready()
    with pytest.warns(RuntimeWarning, match="'RustFutures.ready' was never awaited"):
        del coroutine


def test_it_ends_with_a_loop_that_is_closed_under_it():
    loop = aioxide.new_event_loop()
    dropped = []
    task = loop.create_task(RustFutures.wait_for_ever(lambda: dropped.append(True)))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    assert not task.done()
    task._log_destroy_pending = False
    task.get_coro().close()
    assert dropped == [True]


def test_a_thread_that_wakes_after_the_loop_has_closed_harms_nothing():
    loop = aioxide.new_event_loop()
    task = loop.create_task(RustFutures.wake_from_thread(1, 0.05))
    loop.run_until_complete(asyncio.sleep(0))
    before = threading.active_count()
    loop.close()
    task._log_destroy_pending = False
    task.get_coro().close()
    other = aioxide.new_event_loop()
    other.run_until_complete(RustFutures.wake_from_thread(1, 0.1))
    other.close()
    assert threading.active_count() == before


def test_nested_loops_keep_their_wakes_apart():
    loop, inner = aioxide.new_event_loop(), aioxide.new_event_loop()

    async def main():
        task = asyncio.create_task(RustFutures.suspend(3))
        await asyncio.sleep(0)
        # asyncio allows it where no loop is said to run, and from 3.14 on no task either.
        outer = asyncio.current_task()
        asyncio.tasks._leave_task(loop, outer)
        asyncio._set_running_loop(None)
        try:
            inner.run_until_complete(RustFutures.suspend(3))
        finally:
            asyncio._set_running_loop(loop)
            asyncio.tasks._enter_task(loop, outer)
        await task

    loop.run_until_complete(main())
    loop.close()
    inner.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_goes_on_with_an_inherited_loop():
    loop = aioxide.new_event_loop()
    future = loop.create_future()
    task = loop.create_task(RustFutures.wait_for(future))
    loop.run_until_complete(asyncio.sleep(0))
    child = os.fork()
    if child == 0:
        status = 1
        try:
            future.set_result("child")
            if loop.run_until_complete(task) == "child":
                loop.run_until_complete(RustFutures.wake_from_thread(2, 0.0))
                status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    future.set_result("parent")
    assert loop.run_until_complete(task) == "parent"
    loop.close()


@pytest.mark.parametrize("seed", range(20))
def test_it_takes_part_in_interleavings(seed):
    async def main():
        order = []

        async def rust(name):
            await RustFutures.suspend(2)
            order.append(name)

        await asyncio.gather(*[rust(name) for name in range(4)])
        return order

    assert sorted(testing.run(main(), seed=seed)) == [0, 1, 2, 3]


def test_a_descriptor_wakes_it():
    async def main():
        ours, theirs = socket.socketpair()
        with ours, theirs:
            await RustFutures.until_ready(ours.fileno(), True)
            task = asyncio.create_task(RustFutures.until_ready(ours.fileno(), False))
            await asyncio.sleep(0)
            assert not task.done()
            theirs.send(b"data")
            await task
            # It watches no longer.
            assert not asyncio.get_running_loop().remove_reader(ours)

    run(main)


def test_a_cancelled_wait_for_a_descriptor_no_longer_watches():
    async def main():
        ours, theirs = socket.socketpair()
        with ours, theirs:
            task = asyncio.create_task(RustFutures.until_ready(ours.fileno(), False))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert not asyncio.get_running_loop().remove_reader(ours)

    run(main)


def test_a_descriptor_that_is_not_open_is_refused():
    async def main():
        ours, theirs = socket.socketpair()
        number = ours.fileno()
        ours.close()
        theirs.close()
        with pytest.raises(OSError):
            await RustFutures.until_ready(number, False)

    run(main)


def test_a_blocking_call_leaves_the_loop_free():
    async def main():
        turns = 0
        task = asyncio.create_task(RustFutures.block(0.2, False))
        while not task.done():
            await asyncio.sleep(0)
            turns += 1
        await task
        assert turns > 10

    run(main)


def test_a_panic_in_a_thread_is_raised(capfd):
    async def main():
        with pytest.raises(SystemError, match="in a thread"):
            await RustFutures.block(0, True)

    run(main)


def test_a_cancelled_blocking_call_ends_by_itself():
    async def main():
        task = asyncio.create_task(RustFutures.block(0.02, False))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main)


def test_a_channel_hands_values_over_in_order():
    async def main():
        received = []
        await asyncio.gather(
            *RustFutures.channel(2, 10, lambda number, word: received.append(number))
        )
        assert received == list(range(10))

    run(main)


def test_a_sender_whose_receiver_is_cancelled_ends():
    async def main():
        received = []

        def tell(number, word):
            received.append(number)
            if number == 3:
                receiving.cancel()

        sending, receiving = map(asyncio.create_task, RustFutures.channel(1, 10, tell))
        await sending
        with pytest.raises(asyncio.CancelledError):
            await receiving
        assert received[:4] == [0, 1, 2, 3]

    run(main)


def test_a_receiver_whose_sender_is_cancelled_takes_what_was_sent():
    async def main():
        received = []
        sending, receiving = map(
            asyncio.create_task,
            RustFutures.channel(1, 10, lambda number, word: received.append(number)),
        )
        await asyncio.sleep(0)
        sending.cancel()
        await receiving
        assert received
        assert received == list(range(len(received)))

    run(main)


@pytest.mark.parametrize("permits", [1, 2, 3])
def test_a_semaphore_serves_in_the_order_of_pythons(permits):
    async def log_of(workers, log):
        async def beside():
            for number in range(12):
                log.append(("beside", number))
                await asyncio.sleep(0)

        await asyncio.gather(*workers[:2], beside(), *workers[2:])
        return log

    async def main():
        rust, python = [], []
        semaphore = asyncio.Semaphore(permits)

        async def worker(number):
            async with semaphore:
                python.append((number, "acquired"))
                await asyncio.sleep(0)
            python.append((number, "released"))

        rust_workers = RustFutures.contend(permits, 6, lambda *told: rust.append(told))
        await log_of(rust_workers, rust)
        await log_of([worker(number) for number in range(6)], python)
        assert rust == python

    run(main)


def test_a_permit_of_a_task_that_is_cancelled_after_its_wake_goes_to_the_next():
    async def main():
        told = []

        def tell(number, word):
            told.append((number, word))
            if (number, word) == (0, "released"):
                tasks[1].cancel()  # It has the permit, and has not run.

        tasks = list(map(asyncio.create_task, RustFutures.contend(1, 3, tell)))
        await asyncio.wait(tasks)
        assert tasks[1].cancelled()
        assert told == [(0, "acquired"), (0, "released"), (2, "acquired"), (2, "released")]

    run(main)


@pytest.mark.parametrize("seed", range(20))
def test_a_semaphore_holds_in_every_interleaving(seed):
    async def main():
        told = []
        having = set()

        def tell(number, word):
            told.append((number, word))
            having.add(number) if word == "acquired" else having.remove(number)
            assert len(having) <= 2

        async with asyncio.TaskGroup() as group:
            for coroutine in RustFutures.contend(2, 6, tell):
                group.create_task(coroutine)
            received = []
            for coroutine in RustFutures.channel(
                2, 6, lambda number, word: received.append(number)
            ):
                group.create_task(coroutine)
        assert received == list(range(6))
        assert len(told) == 12
        return told

    assert testing.run(main(), seed=seed) == testing.run(main(), seed=seed)


def test_a_wake_that_fails_takes_no_other_with_it():
    class Loop(aioxide.Loop):
        is_failing = False

        def call_soon(self, *args, **keywords):
            if self.is_failing:
                self.is_failing = False
                raise RuntimeError("no room")
            return super().call_soon(*args, **keywords)

    loop = Loop()
    try:
        futures = [loop.create_future() for _ in range(2)]
        tasks = [loop.create_task(wait_for(future)) for future in futures]
        loop.run_until_complete(asyncio.sleep(0))
        for future in futures:
            future.set_result("woken")
        # Both futures are woken in the iteration that this is a part of, and go on in the next.
        loop.call_soon(setattr, loop, "is_failing", True)
        with pytest.raises(RuntimeError, match="no room"):
            loop.run_until_complete(tasks[1])
        assert loop.run_until_complete(tasks[1]) == "woken"
        # As with a future of Python whose callback the loop has refused.
        assert not tasks[0].done()
        tasks[0]._log_destroy_pending = False
    finally:
        loop.close()


async def wait_for(future):
    return await RustFutures.wait_for(future)
