"""What do queues give back, in which order, and who waits for whom?"""

import asyncio
import collections
import gc
import random
import sys
import weakref

import pytest

NAMES = ("Queue", "PriorityQueue", "LifoQueue")
has_shutdown = pytest.mark.skipif(sys.version_info < (3, 13), reason="Queue.shutdown is of 3.13")


async def settle():
    """Lets everything that is ready run."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize("name", NAMES)
def test_order(run, api, name):
    items = random.Random(1).sample(range(100), 50)
    expected = {"Queue": items, "PriorityQueue": sorted(items), "LifoQueue": items[::-1]}[name]

    async def main():
        queue = getattr(api, name)()
        for item in items:
            await queue.put(item)
        assert queue.qsize() == 50
        return [await queue.get() for _ in items]

    assert run(main()) == expected


@pytest.mark.parametrize("name", NAMES)
def test_a_bounded_queue_makes_its_producers_wait(run, api, name):
    async def main():
        queue, seen = getattr(api, name)(maxsize=2), []

        async def produce():
            for item in range(10):
                await queue.put(item)
                seen.append(queue.qsize())

        producer = asyncio.ensure_future(produce())
        got = []
        for _ in range(10):
            await settle()
            assert queue.full() or producer.done()
            got.append(await queue.get())
        await producer
        assert sorted(got) == list(range(10))
        assert max(seen) == 2

    run(main())


def test_consumers_are_served_in_the_order_of_their_coming(run, api):
    async def main():
        queue, served = api.Queue(), []

        async def consume(number):
            served.append((number, await queue.get()))

        consumers = [asyncio.ensure_future(consume(number)) for number in range(5)]
        await settle()
        for item in "abcde":
            queue.put_nowait(item)
        await asyncio.gather(*consumers)
        return served

    assert run(main()) == list(enumerate("abcde"))


def test_a_consumer_that_is_woken_and_cancelled_at_once_passes_its_turn_on(run, api):
    async def main():
        queue = api.Queue()
        first = asyncio.ensure_future(queue.get())
        second = asyncio.ensure_future(queue.get())
        await settle()
        queue.put_nowait("item")
        first.cancel()
        assert await asyncio.wait_for(second, 5) == "item"
        assert first.cancelled() or await asyncio.wait({first})

    run(main())


def test_a_producer_that_is_woken_and_cancelled_at_once_passes_its_turn_on(run, api):
    async def main():
        queue = api.Queue(1)
        queue.put_nowait(0)
        first = asyncio.ensure_future(queue.put(1))
        second = asyncio.ensure_future(queue.put(2))
        await settle()
        assert queue.get_nowait() == 0
        first.cancel()
        await asyncio.wait_for(second, 5)
        assert queue.get_nowait() == 2
        with pytest.raises(asyncio.CancelledError):
            await first

    run(main())


def test_nowait_forms_say_what_is_wrong(api):
    queue = api.Queue(1)
    with pytest.raises(asyncio.QueueEmpty):
        queue.get_nowait()
    queue.put_nowait(item=1)
    with pytest.raises(asyncio.QueueFull):
        queue.put_nowait(2)


def test_join_waits_until_everything_is_dealt_with(run, api):
    async def main():
        queue = api.Queue()
        await queue.join()
        for item in range(3):
            queue.put_nowait(item)
        joining = asyncio.ensure_future(queue.join())
        for _ in range(3):
            await settle()
            assert not joining.done()
            await queue.get()
            queue.task_done()
        await asyncio.wait_for(joining, 5)
        with pytest.raises(ValueError, match=r"task_done\(\) called too many times"):
            queue.task_done()
        queue.put_nowait("again")
        joining = asyncio.ensure_future(queue.join())
        await settle()
        assert not joining.done()
        queue.get_nowait()
        queue.task_done()
        await asyncio.wait_for(joining, 5)

    run(main())


@has_shutdown
@pytest.mark.parametrize("immediate", [False, True])
def test_shutdown(run, api, immediate):
    async def main():
        queue = api.Queue()
        for item in range(2):
            queue.put_nowait(item)
        joining = asyncio.ensure_future(queue.join())
        await settle()
        queue.shutdown(immediate=immediate)
        with pytest.raises(asyncio.QueueShutDown):
            await queue.put(1)
        with pytest.raises(asyncio.QueueShutDown):
            queue.put_nowait(1)
        if not immediate:
            assert [await queue.get(), queue.get_nowait()] == [0, 1]
            queue.task_done()
            queue.task_done()
        with pytest.raises(asyncio.QueueShutDown):
            await queue.get()
        with pytest.raises(asyncio.QueueShutDown):
            queue.get_nowait()
        await asyncio.wait_for(joining, 5)

    run(main())


@has_shutdown
def test_shutdown_wakes_everybody(run, api):
    async def main():
        empty, full = api.Queue(), api.Queue(1)
        full.put_nowait(0)
        waiting = [asyncio.ensure_future(empty.get()) for _ in range(3)]
        waiting += [asyncio.ensure_future(full.put(1)) for _ in range(3)]
        await settle()
        empty.shutdown()
        full.shutdown()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(result) for result in results} == {asyncio.QueueShutDown}

    run(main())


def test_repr_shows_what_is_in_it(run, api):
    async def main():
        queue = api.Queue(4)
        assert str(queue) == "<Queue maxsize=4>"
        waiter = asyncio.ensure_future(queue.get())
        await settle()
        assert str(queue) == "<Queue maxsize=4 _getters[1]>"
        queue.put_nowait(1)
        await waiter
        queue.put_nowait([2])
        assert str(queue) == "<Queue maxsize=4 _queue=[[2]] tasks=2>"
        assert repr(queue).startswith("<Queue at 0x")

    run(main())


def test_subscripts_name_the_kind_of_thing(api):
    for name in NAMES:
        alias = getattr(api, name)[int]
        assert alias.__origin__ is getattr(api, name)
        assert alias.__args__ == (int,)


def test_a_subclass_may_keep_its_things_otherwise(run, api):
    class Unique(api.Queue):
        def _init(self, maxsize):
            self._queue = collections.OrderedDict()

        def _put(self, item):
            self._queue[item] = None

        def _get(self):
            return self._queue.popitem(last=False)[0]

    async def main():
        queue = Unique(3)
        for item in (1, 2, 1, 2, 3):
            await queue.put(item)
        assert queue.full()
        return [await queue.get() for _ in range(queue.qsize())]

    assert run(main()) == [1, 2, 3]


def test_a_subclass_may_build_on_the_methods_it_replaces(run, api):
    class Logged(api.PriorityQueue):
        def __init__(self, label):
            super().__init__()
            self.label, self.log = label, []

        def _put(self, item):
            self.log.append(f"put {item}")
            super()._put(item)

        def _get(self):
            item = super()._get()
            self.log.append(f"get {item}")
            return item

    async def main():
        queue = Logged("label")
        await queue.put(2)
        queue.put_nowait(1)
        await queue.get()
        return queue.log

    assert run(main()) == ["put 2", "put 1", "get 1"]


def test_what_somebody_does_to_the_private_container_counts(run, api):
    async def main():
        queue = api.Queue()
        for item in range(4):
            queue.put_nowait(item)
        queue._queue.appendleft("first")
        queue._queue.remove(2)
        queue.put_nowait("last")
        return [queue.get_nowait() for _ in range(queue.qsize())]

    assert run(main()) == ["first", 0, 1, 3, "last"]


@pytest.mark.parametrize("maxsize", ["2", [2], {}])
def test_a_limit_that_is_no_number(run, api, maxsize):
    async def main():
        queue = api.Queue(maxsize)
        await queue.put(1)

    with pytest.raises(TypeError):
        run(main())


def test_the_last_of_many_consumers_may_be_cancelled_first(run, api):
    async def main():
        queue = api.Queue()
        waiters = [asyncio.ensure_future(queue.get()) for _ in range(2000)]
        await settle()
        for waiter in reversed(waiters[1:]):
            waiter.cancel()
        await settle()
        queue.put_nowait("item")
        assert await waiters[0] == "item"

    run(main())


def test_a_queue_that_contains_itself_is_collected(api):
    class Thing:
        pass

    queue, thing = api.Queue(), Thing()
    thing.queue = queue
    queue.put_nowait(thing)
    reference = weakref.ref(thing)
    del queue, thing
    gc.collect()
    assert reference() is None


def test_two_queues_pass_things_back_and_forth(run, api):
    async def main():
        there, back = api.Queue(), api.Queue()

        async def echo():
            for _ in range(1000):
                await back.put(await there.get())

        echoing = asyncio.ensure_future(echo())
        for item in range(1000):
            await there.put(item)
            assert await back.get() == item
        await echoing

    run(main())


@pytest.mark.parametrize("method", ["put", "put_nowait"])
@pytest.mark.parametrize(
    "positional, named, message",
    [
        ((), {}, "missing 1 required positional argument: 'item'"),
        ((1, 2), {}, "takes 2 positional arguments but 3 were given"),
        ((1,), {"item": 2}, "got multiple values for argument 'item'"),
        ((1,), {"thing": 2}, "got an unexpected keyword argument 'thing'"),
    ],
)
def test_a_wrong_argument_is_named(api, method, positional, named, message):
    queue = api.Queue()
    with pytest.raises(TypeError) as caught:
        getattr(queue, method)(*positional, **named)
    assert str(caught.value) == f"Queue.{method}() {message}"
    assert queue.empty()
