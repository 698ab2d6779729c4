"""In which order does as_completed() give what, and what when the time is up?"""

import asyncio
import gc
import inspect
import re
import sys
import weakref

import pytest

ITERATOR = sys.version_info >= (3, 13)
both_forms = pytest.mark.parametrize("form", ["plain", "async"] if ITERATOR else ["plain"])


async def value_of(value, turns=0):
    for _ in range(turns):
        await asyncio.sleep(0)
    return value


async def failing(error, turns=0):
    for _ in range(turns):
        await asyncio.sleep(0)
    raise error


def new_future():
    return asyncio.get_running_loop().create_future()


async def results(iterable, form):
    """The results in the order in which they come."""
    if form == "plain":
        return [await coroutine for coroutine in iterable]
    return [await future async for future in iterable]


@both_forms
def test_the_order_is_that_of_completion(run, api, form):
    async def main():
        given = [value_of(turns, turns) for turns in (9, 3, 12, 0, 6)]
        return await results(api.as_completed(given), form)

    assert run(main()) == [0, 3, 6, 9, 12]


@both_forms
def test_nothing_and_one(run, api, form):
    async def main():
        assert await results(api.as_completed([]), form) == []
        assert await results(api.as_completed([value_of(1)]), form) == [1]
        assert await results(api.as_completed(iter([value_of(2)])), form) == [2]

    run(main())


@both_forms
def test_equal_awaitables_are_one(run, api, form):
    async def main():
        coroutine, future = value_of("coroutine", turns=3), new_future()
        future.set_result("future")
        given = [coroutine, future, coroutine, future]
        return await results(api.as_completed(given), form)

    assert run(main()) == ["future", "coroutine"]


@both_forms
def test_exceptions_come_in_their_turn(run, api, form):
    async def main():
        order = []
        given = [failing(KeyError(1), turns=3), value_of(0), value_of(6, turns=6)]
        iterable = api.as_completed(given)
        if form == "plain":
            for coroutine in iterable:
                try:
                    order.append(await coroutine)
                except KeyError as error:
                    order.append(error.args)
        else:
            async for future in iterable:
                assert future.done()
                error = future.exception()
                order.append(error.args if error else future.result())
        return order

    assert run(main()) == [0, (1,), 6]


@pytest.mark.skipif(not ITERATOR, reason="asynchronous iteration is of 3.13")
def test_async_for_gives_the_futures_that_were_given(run, api):
    async def main():
        futures = [new_future() for _ in range(3)]
        task = asyncio.ensure_future(value_of("task"))
        for index in (2, 0, 1):
            asyncio.get_running_loop().call_soon(futures[index].set_result, index)
        given = [futures[0], task, futures[1], futures[2]]
        order = [future async for future in api.as_completed(given)]
        assert order[-3:] == [futures[2], futures[0], futures[1]] or order[0] is task
        assert set(order) == set(given)
        made = [future async for future in api.as_completed([value_of(1)])]
        assert isinstance(made[0], asyncio.Task) and made[0].result() == 1

    run(main())


@pytest.mark.parametrize("kind_of_future", ["own", "asyncio's", "mixed"])
@both_forms
def test_futures_of_any_kind(run, api, form, kind_of_future):
    async def main():
        loop = asyncio.get_running_loop()
        makers = {"own": [api.Future], "asyncio's": [asyncio.Future]}
        chosen = makers.get(kind_of_future, [api.Future, asyncio.Future])
        futures = [chosen[n % len(chosen)](loop=loop) for n in range(4)]
        for n in (1, 3, 0, 2):
            loop.call_soon(futures[n].set_result, n)
        return await results(api.as_completed(futures), form)

    assert run(main()) == [1, 3, 0, 2]


@pytest.mark.parametrize("timeout", [0.001, 0, -1])
@both_forms
def test_time_is_up(run, api, form, timeout):
    async def main():
        order = []
        futures = [new_future() for _ in range(3)]
        futures[1].set_result("in time")
        iterable = api.as_completed(futures, timeout=timeout)
        if form == "plain":
            for coroutine in iterable:
                try:
                    order.append(await coroutine)
                except TimeoutError as error:
                    order.append(error.args)
        else:
            for _ in range(3):
                try:
                    order.append((await anext(iterable)).result())
                except TimeoutError as error:
                    order.append(error.args)
            with pytest.raises(StopAsyncIteration):
                await anext(iterable)
        assert not futures[0].done() and not futures[0]._callbacks
        return order

    assert run(main()) == ["in time", (), ()]


@both_forms
def test_a_time_that_is_not_needed(run, api, form):
    async def main():
        given = [value_of(n, turns=3 * n) for n in range(3)]
        return await results(api.as_completed(given, timeout=3600), form)

    assert run(main()) == [0, 1, 2]


def test_several_wait_at_once(run, api):
    async def main():
        futures = [new_future() for _ in range(4)]
        tasks = [asyncio.ensure_future(it) for it in api.as_completed(futures)]
        await asyncio.sleep(0)
        for n in (2, 0, 3, 1):
            futures[n].set_result(n)
        return await asyncio.gather(*tasks)

    assert run(main()) == [2, 0, 3, 1]


def test_in_which_turn_the_result_is_there(run, api):
    async def main():
        loop = asyncio.get_running_loop()
        order = []
        future = new_future()

        async def waits():
            for coroutine in api.as_completed([future]):
                order.append(await coroutine)

        task = loop.create_task(waits())
        await asyncio.sleep(0)
        future.set_result("result")
        for turn in range(3):
            loop.call_soon(order.append, turn)
            await asyncio.sleep(0)
        await task
        return order

    assert run(main()) == [0, "result", 1, 2]


def test_a_wait_that_is_cancelled(run, api):
    async def main():
        futures = [new_future(), new_future()]
        iterator = iter(api.as_completed(futures))
        task = asyncio.ensure_future(next(iterator))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not any(future.done() for future in futures)
        futures[1].set_result("next")
        assert await next(iterator) == "next"
        # Whether the cancelled one left its place to another is up to the patch release.
        rest = list(iterator)
        for coroutine in rest:
            coroutine.close()
        return len(rest)

    async def reference():
        futures = [new_future(), new_future()]
        iterator = iter(asyncio.as_completed(futures))
        task = asyncio.ensure_future(next(iterator))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return len([coroutine.close() for coroutine in iterator])

    assert run(main()) == run(reference()) - 1


@pytest.mark.skipif(ITERATOR, reason="an iterator from 3.13 on")
def test_it_is_a_generator(run, api):
    async def main():
        future = new_future()
        future.set_result(1)
        generator = api.as_completed([future])
        assert inspect.isgenerator(generator)
        assert repr(generator).startswith("<generator object as_completed at 0x")
        (coroutine,) = generator
        assert coroutine.__qualname__ == "as_completed.<locals>._wait_for_one"
        assert await coroutine == 1
        # It looks at its argument at the first step.
        for wrong in (future, value_of(1)):
            generator = api.as_completed(wrong)
            text = f"expect an iterable of futures, not {type(wrong).__name__}"
            with pytest.raises(TypeError, match=f"^{re.escape(text)}$"):
                next(generator)
            if asyncio.iscoroutine(wrong):
                wrong.close()

    run(main())


@pytest.mark.skipif(not ITERATOR, reason="a generator up to 3.12")
def test_it_is_an_iterator_of_both_kinds(run, api):
    async def main():
        future = new_future()
        future.set_result(1)
        iterator = api.as_completed([future])
        assert iter(iterator) is iterator and aiter(iterator) is iterator
        pattern = r"^<asyncio\.tasks\._AsCompletedIterator object at 0x[0-9a-f]+>$"
        assert re.match(pattern, repr(iterator))
        coroutine = next(iterator)
        assert asyncio.iscoroutine(coroutine)
        assert coroutine.__qualname__ == "_AsCompletedIterator._wait_for_one"
        assert await coroutine == 1
        with pytest.raises(StopIteration):
            next(iterator)
        with pytest.raises(StopAsyncIteration):
            await anext(iterator)
        for wrong in (future, value_of(1)):
            text = f"expects an iterable of awaitables, not {type(wrong).__name__}"
            with pytest.raises(TypeError, match=f"^{re.escape(text)}$"):
                api.as_completed(wrong)
            if asyncio.iscoroutine(wrong):
                wrong.close()

    run(main())


def test_what_is_refused(run, api):
    async def main():
        with pytest.raises(TypeError, match="'int' object is not iterable"):
            list(api.as_completed(3))
        with pytest.raises(TypeError, match="An asyncio.Future, a coroutine or an awaitable"):
            list(api.as_completed([3]))
        with pytest.raises(TypeError):
            list(api.as_completed([new_future()], timeout="soon"))
        with pytest.raises(TypeError):
            api.as_completed([], 3)

    run(main())


@pytest.mark.skipif(sys.version_info < (3, 14), reason="call graphs are of 3.14")
@both_forms
def test_call_graphs_show_who_waits(run, api, form):
    async def main():
        futures, current = [new_future(), new_future()], asyncio.current_task()
        iterator = api.as_completed(futures, timeout=0.001)
        assert all(future._asyncio_awaited_by == {current} for future in futures)
        futures[0].set_result(1)
        assert await next(iterator) == 1
        assert not futures[0]._asyncio_awaited_by
        with pytest.raises(TimeoutError):
            await next(iterator)
        assert not futures[1]._asyncio_awaited_by

    run(main())


def test_a_cycle_through_it_is_collected(run, api):
    class Holder:
        pass

    async def main():
        holder, future = Holder(), new_future()
        holder.iterator = api.as_completed([future])
        coroutine = next(iter(holder.iterator))
        coroutine.close()
        future.holder = holder
        reference = weakref.ref(holder)
        del holder, future, coroutine
        gc.collect()
        return reference()

    assert run(main()) is None


def test_debug_mode(loop, run, api):
    loop.set_debug(True)
    loop.slow_callback_duration = 60  # A busy machine is nobody's mistake.

    async def main():
        given = [value_of(n, turns=3 * n) for n in range(3)]
        return await results(api.as_completed(given, timeout=3600), "plain")

    assert run(main()) == [0, 1, 2]


@both_forms
def test_ten_thousand(run, api, form):
    async def main():
        given = [value_of(n) for n in range(10_000)]
        return await results(api.as_completed(given), form)

    assert sorted(run(main())) == list(range(10_000))
