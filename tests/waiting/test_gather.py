"""In which order does gather() give results, when is it done, and what does cancelling do?"""

import asyncio
import gc
import sys
import weakref

import pytest


async def settle():
    """Lets everything that is ready run."""
    for _ in range(5):
        await asyncio.sleep(0)


async def value_of(value, turns=0):
    for _ in range(turns):
        await asyncio.sleep(0)
    return value


async def failing(error, turns=0):
    for _ in range(turns):
        await asyncio.sleep(0)
    raise error


def test_results_are_in_the_order_of_the_arguments(run, api):
    async def main():
        return await api.gather(*[value_of(n, turns=(7 * n) % 5) for n in range(20)])

    assert run(main()) == list(range(20))


def test_nothing_gives_an_empty_list(run, api):
    async def main():
        future = api.gather()
        assert future.done()
        return await future

    assert run(main()) == []


def test_the_same_argument_twice_is_awaited_once(run, api):
    async def main():
        coroutine, task = value_of("c"), asyncio.ensure_future(value_of("t"))
        future = asyncio.get_running_loop().create_future()
        future.set_result("f")
        return await api.gather(coroutine, task, coroutine, future, task, future)

    assert run(main()) == ["c", "t", "c", "f", "t", "f"]


def test_arguments_that_compare_equal_are_the_same(run, api):
    class Equal:
        def __init__(self, value):
            self.value = value

        def __eq__(self, other):
            return isinstance(other, Equal)

        def __hash__(self):
            return 1

        def __await__(self):
            return value_of(self.value).__await__()

    async def main():
        return await api.gather(value_of(0), Equal(1), value_of(2), Equal(3))

    assert run(main()) == [0, 1, 2, 1]


def test_unhashable_arguments_are_refused(run, api):
    class Unhashable:
        __hash__ = None

        def __await__(self):
            return value_of(1).__await__()

    async def main():
        with pytest.raises(TypeError, match="unhashable type: 'Unhashable'"):
            api.gather(Unhashable())

    run(main())


def test_it_is_done_one_turn_after_the_last_task(run, api):
    async def main():
        loop, log = asyncio.get_running_loop(), []
        future = loop.create_future()
        other = loop.create_future()
        both = api.gather(future, other)
        both.add_done_callback(lambda _: log.append("gather"))
        other.set_result(1)
        loop.call_soon(log.append, "before")
        future.set_result(2)
        loop.call_soon(log.append, "after")
        assert not both.done()
        await asyncio.sleep(0)
        log.append(both.done())
        await asyncio.sleep(0)
        return log, await both

    assert run(main()) == (["before", "after", True, "gather"], [2, 1])


def test_the_first_exception_comes_at_once_and_leaves_the_others_running(run, api):
    async def main():
        slow = asyncio.ensure_future(value_of("slow", turns=10))
        with pytest.raises(ZeroDivisionError):
            await api.gather(slow, failing(ZeroDivisionError()), failing(KeyError(), turns=3))
        assert not slow.done()
        return await slow

    assert run(main()) == "slow"


def test_exceptions_that_come_later_are_not_reported(run, api, reported):
    async def main():
        with pytest.raises(ZeroDivisionError):
            await api.gather(failing(ZeroDivisionError()), failing(KeyError(), turns=3))
        await settle()

    run(main())
    gc.collect()


def test_exceptions_may_be_results(run, api):
    async def main():
        error = ZeroDivisionError()
        cancelled = asyncio.get_running_loop().create_future()
        cancelled.cancel("why")
        task = asyncio.ensure_future(asyncio.sleep(100))
        task.cancel("why")
        results = await api.gather(
            value_of(1), failing(error), cancelled, task, return_exceptions=True
        )
        assert results[:2] == [1, error]
        assert [type(result) for result in results[2:]] == [asyncio.CancelledError] * 2
        return [result.args for result in results[2:]]

    # A task hands the message to its coroutine and keeps none.
    assert run(main()) == [("why",), ("",)]


def test_a_cancelled_child_is_an_exception_like_others(run, api):
    async def main():
        child = asyncio.ensure_future(asyncio.sleep(100))
        other = asyncio.ensure_future(value_of("other", turns=9))
        outer = api.gather(child, other)
        await asyncio.sleep(0)
        child.cancel()
        with pytest.raises(asyncio.CancelledError):
            await outer
        assert not outer.cancelled()
        assert not other.done()
        return await other

    assert run(main()) == "other"


@pytest.mark.parametrize("return_exceptions", [False, True])
def test_cancelling_it_cancels_the_children(run, api, return_exceptions):
    async def main():
        children = [asyncio.ensure_future(asyncio.sleep(100)) for _ in range(3)]
        outer = api.gather(*children, return_exceptions=return_exceptions)
        await asyncio.sleep(0)
        assert outer.cancel("enough") is True
        assert not outer.done()
        with pytest.raises(asyncio.CancelledError):
            await outer
        await settle()
        assert all(child.cancelled() for child in children)
        assert not outer.cancelled()
        assert outer.cancel() is False

    run(main())


def test_cancelling_the_task_that_waits_cancels_the_children(run, api):
    async def main():
        children = [asyncio.ensure_future(asyncio.sleep(100)) for _ in range(3)]

        async def wait():
            await api.gather(*children)

        waiting = asyncio.ensure_future(wait())
        await settle()
        waiting.cancel()
        await settle()
        assert waiting.cancelled()
        assert all(child.cancelled() for child in children)

    run(main())


def test_a_child_that_refuses_leaves_the_list_to_the_one_that_cancels(run, api):
    async def stubborn():
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            return "kept"

    async def main():
        child = asyncio.ensure_future(stubborn())
        outer = api.gather(child)
        await asyncio.sleep(0)
        outer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await outer
        return child.result()

    assert run(main()) == "kept"


def test_futures_of_another_loop_are_refused(run, api, new_loop):
    other = new_loop()

    async def main():
        here = asyncio.get_running_loop().create_future()
        with pytest.raises(ValueError, match="belongs to a different loop"):
            api.gather(here, other.create_future())

    run(main())


def test_what_cannot_be_awaited_is_refused(run, api):
    async def main():
        with pytest.raises(TypeError, match="An asyncio.Future, a coroutine or an awaitable"):
            api.gather(5)
        with pytest.raises(TypeError, match="unexpected keyword argument 'limit'"):
            api.gather(limit=3)

    run(main())


def test_futures_of_the_standard_library_can_be_among_them(run, api):
    async def main():
        loop = asyncio.get_running_loop()
        theirs = asyncio.futures._PyFuture(loop=loop)
        ours = loop.create_future()
        outer = api.gather(ours, theirs, value_of(3))
        loop.call_soon(theirs.set_result, 2)
        loop.call_soon(ours.set_result, 1)
        results = await outer
        failing_one = asyncio.futures._PyFuture(loop=loop)
        outer = api.gather(value_of(1, turns=5), failing_one)
        failing_one.set_exception(ZeroDivisionError())
        with pytest.raises(ZeroDivisionError):
            await outer
        return results

    assert run(main()) == [1, 2, 3]


def test_it_works_on_the_standard_loop(api):
    async def main():
        done = asyncio.get_running_loop().create_future()
        done.set_result(0)
        results = await api.gather(done, value_of(1), value_of(2, turns=3))
        waiting = asyncio.ensure_future(asyncio.sleep(100))
        outer = api.gather(waiting)
        await asyncio.sleep(0)
        outer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await outer
        assert waiting.cancelled()
        return results

    loop = asyncio.SelectorEventLoop()
    try:
        assert loop.run_until_complete(main()) == [0, 1, 2]
    finally:
        loop.close()


def test_what_it_is(run, api):
    async def main():
        child = asyncio.get_running_loop().create_future()
        outer = api.gather(child)
        assert isinstance(outer, asyncio.Future)
        assert asyncio.isfuture(outer)
        assert type(outer).__name__ == "_GatheringFuture"
        assert repr(outer).startswith("<_GatheringFuture pending")
        assert outer._children == [child]
        assert outer.get_loop() is asyncio.get_running_loop()
        child.set_result(1)
        assert await outer == [1]
        assert repr(outer) == "<_GatheringFuture finished result=[1]>"

    run(main())


def test_nested(run, api):
    async def main():
        inner = api.gather(value_of(1), value_of(2))
        return await api.gather(inner, api.gather(value_of(3)), value_of(4))

    assert run(main()) == [[1, 2], [3], 4]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks are of 3.12")
def test_it_is_done_at_once_when_all_tasks_end_eagerly(loop, run, api):
    async def main():
        loop.set_task_factory(asyncio.eager_task_factory)
        outer = api.gather(value_of(1), value_of(2))
        assert outer.done()
        assert await outer == [1, 2]
        loop.set_task_factory(None)

    run(main())


def test_a_child_that_ends_while_the_arguments_are_looked_at(run, api):
    async def main():
        first = asyncio.get_running_loop().create_future()

        class Meddler:
            def __hash__(self):
                if not first.done():
                    first.set_result("early")
                return 7

            def __await__(self):
                return value_of("late").__await__()

        return await api.gather(first, Meddler())

    assert run(main()) == ["early", "late"]


def test_one_that_nobody_waits_for_reports_its_exception(run, api, reported):
    async def main():
        api.gather(failing(ZeroDivisionError()))
        await settle()

    run(main())
    gc.collect()
    context = reported.take_one()
    assert context["message"] == "_GatheringFuture exception was never retrieved"
    assert isinstance(context["exception"], ZeroDivisionError)


def test_a_cycle_through_it_is_collected(run, api):
    class Holder:
        pass

    async def main():
        holder = Holder()
        future = asyncio.get_running_loop().create_future()
        holder.outer = api.gather(future)
        future.holder = holder
        reference = weakref.ref(holder)
        del holder, future
        await asyncio.sleep(0)
        gc.collect()
        return reference()

    assert run(main()) is None


def test_ten_thousand(run, api):
    async def main():
        return await api.gather(*(value_of(n) for n in range(10_000)))

    assert run(main()) == list(range(10_000))
