"""In which order do results come, how many calls run, and what ends them?"""

import asyncio
import contextlib

import pytest
from aioxide.patterns import map_concurrent


async def collect(results):
    return [result async for result in results]


async def slowly(items, pause=0.0):
    for item in items:
        await asyncio.sleep(pause)
        yield item


@pytest.fixture(params=["iterable", "asynchronous iterable"])
def source(request):
    """Makes ``items`` of one kind or the other."""
    return iter if request.param == "iterable" else slowly


async def sleep_and_return(seconds):
    await asyncio.sleep(seconds)
    return seconds


@pytest.mark.parametrize(
    "ordered, limit, expected",
    [
        (False, 4, [1, 2, 3, 4]),
        (False, 2, [2, 4, 1, 3]),
        (True, 4, [4, 2, 1, 3]),
        (True, 1, [4, 2, 1, 3]),
    ],
)
def test_the_order_of_results(run, source, ordered, limit, expected):
    results = map_concurrent(sleep_and_return, source([4, 2, 1, 3]), limit, ordered=ordered)
    if (ordered, limit) == (False, 2):
        expected = [2, 1, 4, 3]
    assert run(collect(results)) == expected


def test_nothing_from_nothing(run, source):
    assert run(collect(map_concurrent(sleep_and_return, source([]), 3))) == []


def test_nothing_starts_before_it_is_asked_for(run, settle):
    async def main():
        items = iter(range(3))
        results = map_concurrent(sleep_and_return, items, 3)
        await settle()
        await results.aclose()
        return list(items)

    assert run(main()) == [0, 1, 2]


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("limit", [1, 3, 7])
def test_no_more_than_the_limit_run_or_are_unread(run, settle, source, ordered, limit):
    async def main():
        started = read = most = 0

        async def call(item):
            nonlocal started, most
            started += 1
            most = max(most, started - read)
            await asyncio.sleep(item % 5)
            return item

        found = []
        async for item in map_concurrent(call, source(range(20)), limit, ordered=ordered):
            read += 1
            found.append(item)
            # A slow reader: everything that may run comes to its end.
            await asyncio.sleep(100)
        assert sorted(found) == list(range(20))
        return most

    assert run(main()) == limit


def test_items_may_be_endless(run, source):
    def count():
        number = 0
        while True:
            yield number
            number += 1

    async def main():
        found = []
        async with contextlib.aclosing(
            map_concurrent(sleep_and_return, source(count()), 3, ordered=True)
        ) as results:
            async for result in results:
                found.append(result)
                if result == 5:
                    break
        assert len(asyncio.all_tasks()) == 1
        return found

    assert run(main()) == [0, 1, 2, 3, 4, 5]


def test_results_are_yielded_while_the_items_make_themselves_wait(run, loop):
    async def main():
        times = []
        async for _ in map_concurrent(sleep_and_return, slowly([1, 1, 1], pause=10), 5):
            times.append(loop.time() - 1000)
        return times

    assert run(main()) == [11, 21, 31]


def test_the_exception_of_a_call_comes_behind_what_finished_before(run, source):
    ended = []

    async def call(seconds):
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            ended.append(seconds)
            raise
        if seconds == 3:
            raise ValueError("spam")
        return seconds

    async def main():
        found = []
        with pytest.raises(ValueError, match="spam"):
            async for result in map_concurrent(call, source([5, 3, 1, 2, 4]), 5):
                found.append(result)
        assert len(asyncio.all_tasks()) == 1
        return found

    assert run(main()) == [1, 2]
    assert ended == [5, 4]


def test_the_exception_of_a_call_comes_in_its_place(run, loop, source):
    ended = []

    async def call(seconds):
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            ended.append((seconds, loop.time() - 1000))
            raise
        if seconds == 3:
            raise ValueError("spam")
        return seconds

    async def main():
        found = []
        with pytest.raises(ValueError, match="spam"):
            async for result in map_concurrent(call, source([5, 1, 3, 2, 4, 6]), 6, ordered=True):
                found.append((result, loop.time() - 1000))
        return found

    assert run(main()) == [(5, 5), (1, 5)]
    # As soon as it is known, although it is not raised yet.
    assert ended == [(4, 3), (6, 3)]


def test_the_first_failure_in_order_counts(run, source):
    async def call(seconds):
        await asyncio.sleep(seconds)
        raise ValueError(seconds)

    async def main():
        await collect(map_concurrent(call, source([3, 1, 2]), 3, ordered=True))

    with pytest.raises(ValueError, match="3") as caught:
        run(main())
    assert caught.value.__notes__ == ["another call failed, with ValueError(1) first of all"]


def test_no_further_items_are_taken_after_a_failure(run):
    items = iter(range(100))

    async def call(item):
        raise ValueError(item)

    with pytest.raises(ValueError, match="0") as caught:
        run(collect(map_concurrent(call, items, 3)))
    assert next(items) == 3
    assert caught.value.__notes__ == ["2 other calls failed, with ValueError(1) first of all"]


def test_a_function_that_fails_before_it_returns_an_awaitable(run, source):
    def call(item):
        raise ValueError(item)

    with pytest.raises(ValueError, match="7"):
        run(collect(map_concurrent(call, source([7]), 3)))


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("ordered, expected", [(False, []), (True, [2, 1])])
def test_the_exception_of_the_items(run, asynchronous, ordered, expected):
    def failing():
        yield 2
        yield 1
        raise KeyError("items")

    async def main():
        items = slowly(failing()) if asynchronous else failing()
        found = []
        with pytest.raises(KeyError, match="items"):
            async for result in map_concurrent(sleep_and_return, items, 5, ordered=ordered):
                found.append(result)
        assert len(asyncio.all_tasks()) == 1
        return found

    assert run(main()) == expected


def test_a_cancelled_call_is_a_failure(run):
    async def call(item):
        raise asyncio.CancelledError("own")

    async def main():
        with pytest.raises(asyncio.CancelledError):
            await collect(map_concurrent(call, [1], 1))

    run(main())


def test_closing_cancels_what_runs(run, loop, settle, source):
    async def main():
        ended = []

        async def call(seconds):
            try:
                await asyncio.sleep(seconds)
                return seconds
            finally:
                await asyncio.sleep(0.5)
                ended.append((seconds, loop.time() - 1000))

        results = map_concurrent(call, source([1, 10, 20, 30]), 3)
        assert await anext(results) == 1
        await settle()
        await results.aclose()
        assert len(asyncio.all_tasks()) == 1
        return ended

    assert run(main()) == [(1, 1.5), (10, 2.0), (20, 2.0), (30, 2.0)]


def test_leaving_the_loop_cancels_what_runs(run, settle):
    async def main():
        async for _ in map_concurrent(sleep_and_return, [1, 3600, 3600], 3):
            break
        # The generator was given up by then; its loop closes it.
        await settle()
        return len(asyncio.all_tasks())

    assert run(main()) == 1


@pytest.mark.parametrize("times", [1, 2])
def test_cancelling_the_reader_cancels_what_runs(run, loop, settle, source, times):
    ended = []

    async def call(seconds):
        try:
            await asyncio.sleep(seconds)
        finally:
            await asyncio.sleep(1)
            ended.append(loop.time() - 1000)

    async def main():
        reader = asyncio.create_task(collect(map_concurrent(call, source([50, 60]), 2)))
        await settle()
        for _ in range(times):
            reader.cancel()
            await settle()
        with pytest.raises(asyncio.CancelledError):
            await reader
        assert len(asyncio.all_tasks()) == 1

    run(main())
    assert ended == [1, 1]


def test_a_failure_that_is_not_read_is_reported(run, reported):
    async def call(seconds):
        await asyncio.sleep(seconds)
        if seconds == 2:
            raise ValueError("spam")
        return seconds

    async def main():
        results = map_concurrent(call, [1, 2], 2)
        await anext(results)
        await asyncio.sleep(5)
        await results.aclose()

    run(main())
    context = reported.take_one()
    assert str(context["exception"]) == "spam"
    assert context["message"] == "Exception in a call of map_concurrent() that was not read"


def test_thousands(run, source):
    async def main():
        found = await collect(
            map_concurrent(sleep_and_return, source(range(3000)), 3000, ordered=True)
        )
        assert found == list(range(3000))

    run(main())


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ((None, [], 1), TypeError, "fn must be a function, not None"),
        ((print, 3, 1), TypeError, "'int' object is not iterable"),
        ((print, [], 0), ValueError, "limit must be at least 1, not 0"),
        ((print, [], 1.5), TypeError, "limit must be an int, not 1.5"),
    ],
)
def test_wrong_arguments_are_told_of_at_once(arguments, error, message):
    with pytest.raises(error, match=message):
        map_concurrent(*arguments)
