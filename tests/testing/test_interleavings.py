"""The same program in many orders, and only in orders that may happen."""

import asyncio
import threading

import aioxide
import pytest
from aioxide.testing import VirtualLoop, interleavings, run

SEEDS = range(200)


def orders(main):
    """What the coroutine function returns, under each of the seeds, as a set."""
    return {tuple(run(main(), seed=seed)) for seed in SEEDS}


async def several(order, *names):
    async def step(name):
        order.append(name)

    await asyncio.gather(*map(step, names))


def test_tasks_take_their_first_step_in_every_order():
    async def main():
        order = []
        await several(order, "a", "b", "c")
        return order

    assert len(orders(main)) == 6


def test_the_same_seed_gives_the_same_order():
    async def main():
        order = []
        for _ in range(10):
            await several(order, *range(10))
        return order

    assert all(run(main(), seed=seed) == run(main(), seed=seed) for seed in range(20))
    assert len(orders(main)) == len(SEEDS)


def test_without_a_seed_the_order_is_asyncios():
    async def main():
        order = []
        await several(order, *range(10))
        return order

    assert run(main()) == list(range(10))


def test_callbacks_of_call_soon_stay_in_order_and_tasks_come_anywhere():
    async def main():
        loop, order = asyncio.get_running_loop(), []

        async def task():
            order.append("task")

        loop.call_soon(order.append, 1)
        started = loop.create_task(task())
        loop.call_soon_threadsafe(order.append, 2)
        loop.call_soon(order.append, 3)
        await started
        await asyncio.sleep(0)
        return order

    assert orders(main) == {
        ("task", 1, 2, 3),
        (1, "task", 2, 3),
        (1, 2, "task", 3),
        (1, 2, 3, "task"),
    }


def test_callbacks_of_one_future_stay_in_order_with_the_tasks_that_await_it():
    async def main():
        loop, order = asyncio.get_running_loop(), []
        future = loop.create_future()

        async def waiter(name):
            await future
            order.append(name)

        # Each is let to its await before the next is added.
        future.add_done_callback(lambda _: order.append("first"))
        tasks = [loop.create_task(waiter("second"))]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        future.add_done_callback(lambda _: order.append("third"))
        tasks.append(loop.create_task(waiter("fourth")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        future.set_result(None)
        await asyncio.wait(tasks)
        return order

    assert orders(main) == {("first", "second", "third", "fourth")}


def test_tasks_that_await_different_futures_go_on_in_any_order():
    async def main():
        loop, order = asyncio.get_running_loop(), []
        futures = [loop.create_future() for _ in range(3)]

        async def waiter(name):
            await futures[name]
            order.append(name)

        tasks = [loop.create_task(waiter(name)) for name in range(3)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for future in futures:
            future.set_result(None)
        await asyncio.wait(tasks)
        return order

    assert len(orders(main)) == 6


def test_deadlines_stay_in_order_and_equal_ones_do_not():
    async def main():
        loop, order = asyncio.get_running_loop(), []
        now = loop.time()
        loop.call_at(now + 2, order.append, "late")
        loop.call_at(now + 1, order.append, "a")
        loop.call_at(now + 1, order.append, "b")
        await asyncio.sleep(3)
        return order

    assert orders(main) == {("a", "b", "late"), ("b", "a", "late")}


@pytest.mark.parametrize("api", [asyncio, aioxide], ids=["asyncio", "aioxide"])
def test_a_lock_stays_fair_and_a_queue_in_order(api):
    async def main():
        loop, order = asyncio.get_running_loop(), []
        lock, queue = api.Lock(), api.Queue()

        async def locker(name):
            async with lock:
                order.append(name)
                await asyncio.sleep(0)

        tasks = []
        async with lock:
            for name in range(3):
                tasks.append(loop.create_task(locker(name)))
                await asyncio.sleep(1)
        for item in "xyz":
            queue.put_nowait(item)
        order.extend([await queue.get() for _ in range(3)])
        await asyncio.wait(tasks)
        return [it for it in order if it in (0, 1, 2)] + [
            it for it in order if it in ("x", "y", "z")
        ]

    assert orders(main) == {(0, 1, 2, "x", "y", "z")}


def test_an_order_that_fails_is_found_and_its_seed_finds_it_again():
    async def main():
        written = []

        async def write():
            written.append(True)

        async def read():
            assert written, "read before it was written"

        async with asyncio.TaskGroup() as group:
            group.create_task(write())
            group.create_task(read())

    # asyncio's own order hides it.
    run(main())
    with pytest.raises(ExceptionGroup) as caught:
        interleavings(main, n=100)
    [note] = caught.value.__notes__
    label, _, seed = note.rpartition(" ")
    assert label == "interleaving seed:"
    for _ in range(3):
        with pytest.raises(ExceptionGroup):
            run(main(), seed=int(seed))
    for passed in range(int(seed)):
        run(main(), seed=passed)


def test_a_program_that_is_right_in_every_order_passes():
    runs = []

    async def main():
        queue, got = asyncio.Queue(2), []

        async def producer():
            for item in range(10):
                await queue.put(item)

        async def consumer():
            for _ in range(10):
                got.append(await queue.get())

        async with asyncio.TaskGroup() as group:
            group.create_task(consumer())
            group.create_task(producer())
        runs.append(got)

    interleavings(main, n=50, seed=5)
    assert runs == [list(range(10))] * 50


def test_at_least_one_interleaving_is_needed():
    with pytest.raises(ValueError, match="^the number of interleavings is 1 or more, not 0$"):
        interleavings(lambda: None, n=0)


def test_calls_in_threads_come_through_in_every_order():
    async def main():
        return await asyncio.gather(*(asyncio.to_thread(threading.get_ident) for _ in range(3)))

    for seed in range(20):
        assert len(run(main(), seed=seed)) == 3


def test_a_seed_changes_nothing_about_what_a_loop_holds(descriptors_stay_constant):
    loop = VirtualLoop(seed=2**64 - 1)
    assert loop.run_until_complete(asyncio.sleep(1, "slept")) == "slept"
    loop.close()
