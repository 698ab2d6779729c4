"""What a program nests or chains deeply, or in a circle: a value or RecursionError."""

import gc
import sys

import pytest

DEEP = 20_000
CHAIN = 100_000


def test_tasks_that_await_each_other_are_cancelled(api, made):
    async def main():
        async def first():
            await tasks[1]

        async def second():
            await tasks[0]

        tasks = [made.loop.create_task(first()), made.loop.create_task(second())]
        await api.sleep(0)
        return tasks

    tasks = made.loop.run_until_complete(main())
    with pytest.raises(RecursionError):
        tasks[0].cancel()
    made.attempt(made.loop.close)


def test_a_circle_of_many_tasks_is_cancelled(api, made):
    count = 50

    async def main():
        async def wait(number):
            await tasks[(number + 1) % count]

        tasks = [made.loop.create_task(wait(number)) for number in range(count)]
        await api.sleep(0)
        return tasks

    tasks = made.loop.run_until_complete(main())
    with pytest.raises(RecursionError):
        tasks[7].cancel()


def test_run_ends_though_tasks_await_each_other(kind, api, attempt, run_script):
    run = run_script(
        f"""
        import {kind} as asyncio
        async def main():
            async def first(): await tasks[1]
            async def second(): await tasks[0]
            tasks.extend([asyncio.create_task(first()), asyncio.create_task(second())])
            await asyncio.sleep(0)
        tasks = []
        try:
            asyncio.run(main())
        except RecursionError:
            print("RecursionError")
        """
    )
    assert (run.returncode, run.stdout) == (0, "RecursionError\n"), run.stderr


def nest(api, loop, wrap, depth):
    """What ``wrap`` makes of a coroutine, so many times."""
    made = api.sleep(0)
    for _ in range(depth):
        made = wrap(made)
    return made


WRAPPERS = {
    "wait_for without a limit": lambda api, loop: lambda it: api.wait_for(it, None),
    "wait_for": lambda api, loop: lambda it: api.wait_for(it, 50),
    "shield": lambda api, loop: lambda it: api.shield(it),
    "gather": lambda api, loop: lambda it: api.gather(it),
    "gather of two": lambda api, loop: lambda it: api.gather(it, loop.create_future()),
    "a coroutine": lambda api, loop: lambda it: _awaiting(it),
    "wait_for in a coroutine": lambda api, loop: lambda it: _awaiting(api.wait_for(it, None)),
    "a task": lambda api, loop: lambda it: loop.create_task(_awaiting(it)),
}


async def _awaiting(it):
    return await it


@pytest.mark.parametrize("depth", [100, 5_000])
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_nested_waiting_ends_or_raises_recursion_error(wrapper, depth, api, made):
    loop = made.loop

    async def main():
        nested = nest(api, loop, WRAPPERS[wrapper](api, loop), depth)
        try:
            async with api.timeout(0.05):
                await nested
        except (RecursionError, TimeoutError):
            pass

    made.attempt(loop.run_until_complete, main())
    made.settle()
    made.attempt(loop.close)


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_nested_waiting_is_cancelled(wrapper, api, made):
    loop = made.loop

    async def main():
        nested = nest(api, loop, WRAPPERS[wrapper](api, loop), 5_000)
        task = loop.create_task(_awaiting(nested))
        for _ in range(3):
            await api.sleep(0)
        try:
            task.cancel()
        except RecursionError:
            pass

    made.attempt(loop.run_until_complete, main())
    made.settle()


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_nested_waiting_is_dropped(wrapper, api, made):
    loop = made.loop

    async def main():
        nested = nest(api, loop, WRAPPERS[wrapper](api, loop), 5_000)
        del nested

    made.attempt(loop.run_until_complete, main())
    made.settle()


def chain_of_queues(api, loop):
    last = api.Queue()
    for _ in range(CHAIN):
        outer = api.Queue()
        outer.put_nowait(last)
        last = outer
    return last


def chain_of_lifo_queues(api, loop):
    last = None
    for _ in range(CHAIN):
        outer = api.LifoQueue()
        outer.put_nowait(last)
        last = outer
    return last


def chain_of_results(api, loop):
    last = None
    for _ in range(CHAIN):
        outer = loop.create_future()
        outer.set_result(last)
        last = outer
    return last


def chain_of_exceptions(api, loop):
    last = None
    for _ in range(CHAIN):
        outer = loop.create_future()
        error = ValueError("deep")
        error.payload = last
        outer.set_exception(error)
        outer.exception()
        last = outer
    return last


def chain_of_callbacks(api, loop):
    last = loop.create_future()
    for _ in range(CHAIN):
        outer = loop.create_future()
        outer.add_done_callback(last.set_result)
        last = outer
    return last


def chain_of_handles(api, loop):
    last = int
    for _ in range(CHAIN):
        last = api.Handle(print, (last,), loop)
    return last


def chain_of_timer_handles(api, loop):
    last = int
    for _ in range(CHAIN):
        last = api.TimerHandle(1.0, print, (last,), loop)
    return last


def chain_of_readers(api, loop):
    last = None
    for _ in range(CHAIN):
        outer = api.StreamReader(loop=loop)
        error = ValueError("deep")
        error.payload = last
        outer.set_exception(error)
        last = outer
    return last


def chain_of_stream_protocols(api, loop):
    last = None
    for _ in range(CHAIN // 10):
        reader = api.StreamReader(loop=loop)
        outer = api.StreamReaderProtocol(reader, loop=loop)
        reader.payload = last
        last = outer
    return last


def chain_of_conditions(api, loop):
    last = api.Lock()
    for _ in range(CHAIN):
        try:
            outer = api.Condition(api.Lock())
            outer._lock = last
        except AttributeError:
            return last
        last = outer
    return last


def chain_of_iterators(api, loop):
    last = None
    for _ in range(CHAIN):
        future = loop.create_future()
        future.set_result(last)
        last = iter(future)
    return last


def chain_of_coroutines(api, loop):
    last = None
    for _ in range(CHAIN):
        last = api.sleep(0, last)
    return last


def chain_of_put_coroutines(api, loop):
    last = None
    queue = api.Queue()
    for _ in range(CHAIN // 10):
        last = queue.put(last)
    return last


def chain_of_tasks(api, loop):
    last = loop.create_future()
    for _ in range(CHAIN // 10):
        last = loop.create_task(_awaiting(last))
    return last


CHAINS = [value for name, value in sorted(globals().items()) if name.startswith("chain_of_")]


@pytest.mark.parametrize("collected", [False, True], ids=["dropped", "collected"])
@pytest.mark.parametrize("chain", CHAINS, ids=lambda one: one.__name__)
def test_a_long_chain_goes(chain, collected, api, made):
    loop = made.loop
    last = chain(api, loop)
    if collected:
        cycle = [last]
        cycle.append(cycle)
        del cycle
    del last
    gc.collect()
    made.settle()


def test_many_callbacks_that_schedule_more_are_no_recursion(api, made):
    loop = made.loop
    left = DEEP

    def again():
        nonlocal left
        left -= 1
        if left:
            loop.call_soon(again)
        else:
            loop.stop()

    loop.call_soon(again)
    loop.run_forever()
    assert left == 0


def test_a_chain_of_tasks_ends_one_after_the_other(api, made):
    loop = made.loop

    async def main():
        first = loop.create_future()
        last = first
        for _ in range(DEEP // 10):
            last = loop.create_task(_awaiting(last))
        await api.sleep(0)
        first.set_result(7)
        return await last

    assert loop.run_until_complete(main()) == 7


def test_eager_tasks_that_create_eager_tasks_raise_recursion_error(api, made):
    if not hasattr(api, "eager_task_factory"):
        return
    loop = made.loop
    loop.set_task_factory(api.eager_task_factory)

    async def main(depth):
        if depth:
            await loop.create_task(main(depth - 1))

    try:
        loop.run_until_complete(main(sys.getrecursionlimit() * 5))
    except RecursionError:
        pass
    made.settle()


def test_a_future_that_is_its_own_result_is_printed(api, made):
    future = made.loop.create_future()
    future.set_result(future)
    made.attempt(repr, future)
    queue = api.Queue()
    queue.put_nowait(queue)
    made.attempt(repr, queue)
