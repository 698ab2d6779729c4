"""Items and subclasses that come back to the queue while it works, in step with asyncio's."""

import asyncio

import pytest

NAMES = ("Queue", "PriorityQueue", "LifoQueue")


class Meddling:
    """An item whose comparison does something to the queue first, once."""

    def __init__(self, key, meddle=None):
        self.key, self.meddle = key, meddle

    def __lt__(self, other):
        meddles = [item.meddle for item in (self, other) if item.meddle]
        self.meddle = other.meddle = None
        for meddle in meddles[:1]:
            meddle()
        return self.key < other.key


async def outcome(awaitable, seconds=0.01):
    try:
        return await asyncio.wait_for(awaitable, seconds)
    except Exception as error:
        return type(error)


def attempt(function, *arguments):
    try:
        return function(*arguments)
    except Exception as error:
        return type(error)


async def compare_meddling(api, how):
    queue = api.PriorityQueue()
    meddles = {
        "put": lambda: queue.put_nowait(Meddling(-1)),
        "get": lambda: queue.get_nowait(),
        "clear": lambda: queue._queue.clear(),
        "replace": lambda: setattr(queue, "_queue", []),
        "init": lambda: queue.__init__(),
        "none": lambda: setattr(queue, "_queue", None),
        "raise": lambda: 1 / 0,
    }
    seen = []
    for step in range(5):
        seen.append(attempt(queue.put_nowait, Meddling(-step, meddles[how])))
        seen.append(attempt(queue.qsize))
    for _ in range(4):
        got = await outcome(queue.get())
        seen.append(getattr(got, "key", got))
    return seen, queue._unfinished_tasks


@pytest.mark.parametrize("how", "put get clear replace init none raise".split())
def test_a_comparison_that_changes_the_queue(run, api, how):
    assert run(compare_meddling(api, how)) == asyncio.run(compare_meddling(asyncio, how))


async def drop_meddling(api, name, how):
    queue = getattr(api, name)(3)
    seen = []

    class Item:
        def __init__(self, number):
            self.number = number

        def __lt__(self, other):
            return self.number < other.number

        def __del__(self):
            if self.number == 20:
                return  # When that is depends on who keeps the task's exception.
            seen.append((self.number, attempt(queue.qsize)))
            if self.number < 3:
                seen.append(attempt(queue.put_nowait, Item(self.number + 10)))
                seen.append(type(attempt(queue.get_nowait)).__name__)

    for number in range(3):
        queue.put_nowait(Item(number))
    putter = asyncio.ensure_future(queue.put(Item(20)))
    await asyncio.sleep(0)
    if how == "init":
        queue.__init__()
    elif how == "replace":
        queue._queue = type(queue._queue)()
    elif how == "clear":
        queue._queue.clear()
    elif how == "get":
        while not queue.empty():
            queue.get_nowait()
    await asyncio.sleep(0)
    putter.cancel()
    await asyncio.wait([putter])
    seen.append(attempt(queue.qsize))
    return seen


@pytest.mark.parametrize("how", ["init", "replace", "clear", "get"])
@pytest.mark.parametrize("name", NAMES)
def test_items_that_come_back_when_they_are_dropped(run, api, name, how):
    seen = run(drop_meddling(api, name, how))
    assert seen == asyncio.run(drop_meddling(asyncio, name, how))


async def subclass_meddling(api, how):
    class Odd(api.Queue):
        depth = 0

        def hook(self, name, *arguments):
            if Odd.depth < 3 and how.startswith(name):
                Odd.depth += 1
                if how.endswith("init"):
                    self.__init__(1)
                elif how.endswith("put"):
                    self.put_nowait("more")
                elif how.endswith("get"):
                    self.get_nowait()
                elif how.endswith("class"):
                    self.__class__ = api.Queue
                else:
                    raise ZeroDivisionError
            return getattr(super(), name)(*arguments)

        def empty(self):
            return self.hook("empty")

        def full(self):
            return self.hook("full")

        def qsize(self):
            return self.hook("qsize")

        def _put(self, item):
            return self.hook("_put", item)

        def _get(self):
            return self.hook("_get")

    queue, seen = Odd(2), []
    for step in range(4):
        seen.append(await outcome(queue.put(step)))
        seen.append(attempt(queue.put_nowait, step + 10))
        seen.append(await outcome(queue.get()))
        seen.append(attempt(queue.get_nowait))
    return seen, queue._unfinished_tasks


@pytest.mark.parametrize("what", ["init", "put", "get", "class", "raise"])
@pytest.mark.parametrize("hook", ["empty", "full", "qsize", "_put", "_get"])
def test_methods_that_come_back(run, api, hook, what):
    how = f"{hook} {what}"
    assert run(subclass_meddling(api, how)) == asyncio.run(subclass_meddling(asyncio, how))


async def cancel_at_each_point(api, name, steps, cancelled):
    """Three getters and three putters, of which some are cancelled so many steps after a change."""
    queue = getattr(api, name)(1)
    got, put = [], []

    async def get(number):
        got.append((number, await queue.get()))

    async def fill(number):
        await queue.put(number)
        put.append(number)

    tasks = [asyncio.ensure_future(get(number)) for number in range(3)]
    await asyncio.sleep(0)
    tasks += [asyncio.ensure_future(fill(number)) for number in range(6)]
    for _ in range(steps):
        await asyncio.sleep(0)
    for task in (tasks[0], tasks[4], tasks[7])[: 1 + cancelled]:
        task.cancel()
    for _ in range(20):
        await asyncio.sleep(0)
    left = []
    while not queue.empty():
        left.append(queue.get_nowait())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    seen = sorted([item for _, item in got] + left)
    assert seen == sorted(put), "an item was lost or came twice"
    return got, put, left


@pytest.mark.parametrize("cancelled", range(3))
@pytest.mark.parametrize("steps", range(8))
@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_lost_by_a_cancellation(run, api, name, steps, cancelled):
    seen = run(cancel_at_each_point(api, name, steps, cancelled))
    assert seen == asyncio.run(cancel_at_each_point(asyncio, name, steps, cancelled))


async def throw_at_each_point(api, name, error):
    """An exception is thrown into each wait, and each coroutine is closed at each point."""
    queue, seen = getattr(api, name)(1), []
    for make in (queue.get, lambda: queue.put(1), queue.join):
        for started in (False, True):
            for filled in (False, True):
                queue.__init__(1)
                if filled:
                    queue.put_nowait(0)
                for close in (False, True):
                    coroutine = make()
                    step = None
                    if started:
                        step = type(attempt(coroutine.send, None)).__name__
                    try:
                        ended = coroutine.close() if close else coroutine.throw(error())
                    except BaseException as raised:
                        ended = type(raised)
                    seen.append((step, ended, queue.qsize(), len(queue._getters)))
                    seen.append((attempt(coroutine.send, None), len(queue._putters)))
    return seen


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError, KeyError]
)
@pytest.mark.parametrize("name", NAMES)
def test_exceptions_thrown_into_each_wait(run, api, name, error):
    seen = run(throw_at_each_point(api, name, error))
    assert seen == asyncio.run(throw_at_each_point(asyncio, name, error))
