"""What a queue does with the size it was given, and before and after it was given one."""

import asyncio
import decimal
import fractions
import sys

import pytest

NAMES = ("Queue", "PriorityQueue", "LifoQueue")
has_shutdown = pytest.mark.skipif(sys.version_info < (3, 13), reason="Queue.shutdown is of 3.13")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("maxsize", [None, "two", (), object])
def test_a_size_that_cannot_be_compared_is_refused_when_it_is(run, api, name, maxsize):
    async def main():
        queue = getattr(api, name)(maxsize)
        assert queue.maxsize is maxsize
        for ask in (queue.full, lambda: queue.put_nowait(1)):
            with pytest.raises(TypeError):
                ask()
        with pytest.raises(TypeError):
            await queue.put(1)
        assert queue.empty() and queue.qsize() == 0

    run(main())


@pytest.mark.parametrize(
    "maxsize",
    [2, 2.0, 1.5, True, decimal.Decimal(2), fractions.Fraction(3, 2), 2**70, -(2**70), -1, 0.0]
    + [float("inf"), float("nan"), sys.maxsize, -sys.maxsize - 1],
)
def test_the_size_is_compared_as_it_is(run, api, maxsize):
    async def main():
        queue = api.Queue(maxsize)
        assert queue.maxsize is maxsize and queue._maxsize is maxsize
        assert f"maxsize={maxsize!r}" in repr(queue)
        full = []
        for item in range(3):
            full.append(queue.full())
            if full[-1]:
                with pytest.raises(asyncio.QueueFull):
                    queue.put_nowait(item)
            else:
                await queue.put(item)
        return full

    limited = maxsize == maxsize and 0 < maxsize < 3
    expected = [limited and count >= maxsize for count in range(3)] if limited else [False] * 3
    assert run(main()) == expected


def test_the_size_may_be_changed(run, api):
    async def main():
        queue = api.Queue(1)
        queue.put_nowait(1)
        queue._maxsize = 2
        queue.put_nowait(2)
        assert queue.full() and queue.maxsize == 2
        queue._maxsize = 0
        await queue.put(3)
        return queue.qsize()

    assert run(main()) == 3


@pytest.mark.parametrize("name", NAMES)
def test_a_queue_whose_init_never_ran(run, api, name):
    async def main():
        queue = getattr(api, name).__new__(getattr(api, name))
        for ask in (queue.qsize, queue.empty, queue.full, queue.task_done, queue.get_nowait):
            with pytest.raises(AttributeError):
                ask()
        with pytest.raises(AttributeError):
            queue.put_nowait(1)
        with pytest.raises(AttributeError):
            _ = queue.maxsize
        for waiting in (queue.put(1), queue.get()):
            with pytest.raises(AttributeError):
                await waiting
        queue.__init__()
        await queue.put(1)
        return await queue.get()

    assert run(main()) == 1


@pytest.mark.parametrize("name", NAMES)
def test_init_a_second_time_begins_anew(run, api, name):
    async def main():
        queue = getattr(api, name)(1)
        await queue.put(1)
        joining = asyncio.ensure_future(queue.join())
        putter = asyncio.ensure_future(queue.put(2))
        await asyncio.sleep(0)
        queue.__init__(2)
        assert (queue.qsize(), queue.maxsize, queue.empty(), queue.full()) == (0, 2, True, False)
        with pytest.raises(ValueError, match="task_done"):
            queue.task_done()
        others = [asyncio.ensure_future(queue.get()) for _ in range(2)]
        await asyncio.sleep(0)
        # Who waited before is left to itself, and takes nobody else's place.
        putter.cancel()
        await asyncio.wait([putter])
        await queue.put(3)
        await queue.put(4)
        got = await asyncio.wait_for(asyncio.gather(*others), 5)
        assert not joining.done()
        joining.cancel()
        await asyncio.wait([joining])
        return sorted(got), putter.cancelled(), joining.cancelled()

    assert run(main()) == ([3, 4], True, True)


@has_shutdown
@pytest.mark.parametrize("immediate", [1, "yes", [0], 0, "", None])
def test_shutdown_takes_what_is_true(run, api, immediate):
    async def main():
        queue = api.Queue()
        queue.put_nowait(1)
        queue.shutdown(immediate)
        return queue.empty()

    assert run(main()) is bool(immediate)
