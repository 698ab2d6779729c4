"""When is wait() over, what does it give, and what does it leave behind?"""

import asyncio
import gc
import inspect
import re
import sys
import weakref

import pytest


class Turns:
    """Counts the turns of the running loop until it is stopped."""

    def __init__(self):
        self.count = 0
        self._handle = asyncio.get_running_loop().call_soon(self._next)

    def _next(self):
        self.count += 1
        self._handle = asyncio.get_running_loop().call_soon(self._next)

    def stop(self):
        self._handle.cancel()
        return self.count


def new_future():
    return asyncio.get_running_loop().create_future()


def end(future, how):
    if how == "result":
        future.set_result(how)
    elif how == "exception":
        future.set_exception(ZeroDivisionError(how))
    else:
        future.cancel()


def seen(futures):
    """Takes note of the exceptions, so that nobody reports them."""
    for future in futures:
        if future.done() and not future.cancelled():
            future.exception()


class Stranger:
    """Follows asyncio's protocol of futures and is none of its classes."""

    _asyncio_future_blocking = False

    def __init__(self):
        self._future = new_future()
        self.callbacks = []

    def get_loop(self):
        return self._future.get_loop()

    def done(self):
        return self._future.done()

    def cancelled(self):
        return self._future.cancelled()

    def exception(self):
        return self._future.exception()

    def result(self):
        return self._future.result()

    def cancel(self, msg=None):
        return self._future.cancel(msg)

    def set_result(self, value):
        self._future.set_result(value)

    def set_exception(self, error):
        self._future.set_exception(error)

    def add_done_callback(self, callback, *, context=None):
        self.callbacks.append(callback)
        self._future.add_done_callback(lambda _: callback(self), context=context)

    def remove_done_callback(self, callback):
        self.callbacks.remove(callback)
        return 1


@pytest.fixture(params=["own", "asyncio's", "stranger", "mixed"])
def futures(request, api):
    """Makes so many futures: of one kind, or of all in turn."""
    kinds = {
        "own": lambda: api.Future(loop=asyncio.get_running_loop()),
        "asyncio's": lambda: asyncio.Future(loop=asyncio.get_running_loop()),
        "stranger": Stranger,
    }
    chosen = list(kinds.values()) if request.param == "mixed" else [kinds[request.param]]
    return lambda count: [chosen[n % len(chosen)]() for n in range(count)]


def test_all_completed(run, api, futures):
    async def main():
        fs = futures(4)
        waiting = asyncio.ensure_future(api.wait(fs))
        for future, how in zip(fs, ("result", "exception", "cancel", "result"), strict=True):
            for _ in range(3):
                await asyncio.sleep(0)
            assert not waiting.done()
            end(future, how)
        done, pending = await waiting
        assert type(done) is set and type(pending) is set
        assert done == set(fs) and pending == set()
        seen(fs)

    run(main())


@pytest.mark.parametrize("how", ["result", "exception", "cancel"])
def test_first_completed(run, api, futures, how):
    async def main():
        fs = futures(4)
        asyncio.get_running_loop().call_soon(end, fs[2], how)
        done, pending = await api.wait(fs, return_when=asyncio.FIRST_COMPLETED)
        assert done == {fs[2]} and pending == {fs[0], fs[1], fs[3]}
        seen(fs)

    run(main())


def test_first_exception(run, api, futures):
    async def main():
        fs = futures(5)
        waiting = asyncio.ensure_future(api.wait(fs, return_when=asyncio.FIRST_EXCEPTION))
        for future, how in zip(fs, ("result", "cancel", "exception"), strict=False):
            for _ in range(3):
                await asyncio.sleep(0)
            assert not waiting.done()
            end(future, how)
        done, pending = await waiting
        assert done == set(fs[:3]) and pending == set(fs[3:])

    run(main())


def test_first_exception_without_one_waits_for_all(run, api, futures):
    async def main():
        fs = futures(3)
        for future, how in zip(fs, ("result", "cancel", "result"), strict=True):
            asyncio.get_running_loop().call_soon(end, future, how)
        done, pending = await api.wait(fs, return_when=asyncio.FIRST_EXCEPTION)
        assert done == set(fs) and not pending

    run(main())


@pytest.mark.parametrize("when", ["ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION"])
def test_in_which_turn_it_is_over(run, api, futures, when):
    async def main():
        fs = futures(3)
        waiting = asyncio.ensure_future(api.wait(fs, return_when=when))
        await asyncio.sleep(0)
        turns = Turns()
        waiting.add_done_callback(lambda _: reached.append(turns.stop()))
        reached = []
        for future in fs:
            future.set_result(None)
        await waiting
        await asyncio.sleep(0)
        return reached

    # The callbacks run in the next iteration, the waiting task goes on one later, and who waits for
    # the task is told in the third.
    assert run(main()) == [3]


@pytest.mark.parametrize("when", ["ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION"])
def test_what_is_done_already_takes_two_turns(run, api, futures, when):
    async def main():
        fs = futures(3)
        for future in fs:
            future.set_result(None)
        turns = Turns()
        done, pending = await api.wait(fs, return_when=when)
        assert done == set(fs) and not pending
        return turns.stop()

    assert run(main()) == 2


def test_it_goes_on_in_the_order_of_the_loop(run, api):
    async def main():
        order = []
        loop = asyncio.get_running_loop()
        first, second = new_future(), new_future()

        async def waits():
            await api.wait([first, second])
            order.append("wait")

        async def awaits(future, name):
            await future
            order.append(name)

        tasks = [
            loop.create_task(awaits(second, "before")),
            loop.create_task(waits()),
            loop.create_task(awaits(second, "after")),
        ]
        await asyncio.sleep(0)
        first.set_result(None)
        second.set_result(None)
        loop.call_soon(order.append, "callback")
        await asyncio.sleep(0)
        loop.call_soon(order.append, "next callback")
        for task in tasks:
            await task
        return order

    assert run(main()) == ["before", "after", "callback", "wait", "next callback"]


def test_time_is_up(run, api, futures):
    async def main():
        fs = futures(3)
        fs[0].set_result(None)
        done, pending = await api.wait(fs, timeout=0.001)
        assert done == {fs[0]} and pending == set(fs[1:])
        assert not any(future.cancelled() for future in pending)
        done, pending = await api.wait(fs[1:], timeout=0)
        assert done == set() and pending == set(fs[1:])
        done, pending = await api.wait(fs[1:], timeout=-3)
        assert done == set() and pending == set(fs[1:])

    run(main())


def test_a_time_that_is_not_needed(run, api, futures):
    async def main():
        fs = futures(2)
        for future in fs:
            asyncio.get_running_loop().call_soon(end, future, "result")
        done, pending = await api.wait(fs, timeout=3600)
        assert done == set(fs) and not pending

    run(main())


def test_nothing_is_left_with_those_that_are_pending(run, api, futures):
    async def main():
        fs = futures(3)
        fs[0].set_result(None)
        await api.wait(fs, return_when=asyncio.FIRST_COMPLETED)
        await api.wait(fs[1:], timeout=0.001)
        waiting = asyncio.ensure_future(api.wait(fs[1:]))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        for future in fs[1:]:
            if isinstance(future, Stranger):
                assert future.callbacks == []
            else:
                assert not future._callbacks
            assert not future.done()

    run(main())


def test_the_callback_is_asyncio_s_by_name(run, api):
    async def main():
        future = api.Future(loop=asyncio.get_running_loop())
        waiting = asyncio.ensure_future(api.wait([future]))
        await asyncio.sleep(0)
        (callback, context), *others = future._callbacks
        assert not others
        assert callback.__qualname__ == "_wait.<locals>._on_completion"
        assert "_wait.<locals>._on_completion" in repr(future)
        future.set_result(None)
        await waiting

    run(main())


def test_other_callbacks_of_the_futures_stay(run, api):
    async def main():
        calls = []
        future = api.Future(loop=asyncio.get_running_loop())
        future.add_done_callback(lambda _: calls.append("before"))
        waiting = asyncio.ensure_future(api.wait([future, new_future()], timeout=0.001))
        await asyncio.sleep(0)
        future.add_done_callback(lambda _: calls.append("after"))
        await waiting
        future.set_result(None)
        await asyncio.sleep(0)
        return calls

    assert run(main()) == ["before", "after"]


def test_equal_futures_are_one(run, api):
    async def main():
        future = new_future()
        asyncio.get_running_loop().call_soon(future.set_result, 1)
        assert await api.wait([future, future]) == ({future}, set())
        assert await api.wait(iter([future])) == ({future}, set())
        generator = (future for _ in range(3))
        if sys.version_info >= (3, 12):
            assert await api.wait(generator) == ({future}, set())
        else:  # A generator may be a coroutine there.
            with pytest.raises(TypeError, match="^expect a list of futures, not generator$"):
                await api.wait(generator)
        assert await api.wait({future: "key"}) == ({future}, set())

    run(main())


def test_the_argument_is_left_alone(run, api):
    async def main():
        given = {new_future(), new_future()}
        for future in given:
            future.set_result(None)
        before = set(given)
        done, pending = await api.wait(given)
        assert given == before and done is not given
        done.clear()
        pending.add(1)
        assert given == before

    run(main())


def test_what_is_refused(run, api):
    async def nothing():
        pass

    async def refused(error, text, *arguments, **options):
        with pytest.raises(error, match=f"^{re.escape(text)}$"):
            await api.wait(*arguments, **options)

    async def main():
        future = new_future()
        future.set_result(None)
        coroutine = nothing()
        await refused(TypeError, "expect a list of futures, not coroutine", coroutine)
        name = type(future).__name__
        await refused(TypeError, f"expect a list of futures, not {name}", future)
        await refused(ValueError, "Set of Tasks/Futures is empty.", [])
        await refused(ValueError, "Set of Tasks/Futures is empty.", set())
        text = "Passing coroutines is forbidden, use tasks explicitly."
        await refused(TypeError, text, [coroutine])
        await refused(TypeError, text, [future, coroutine])
        coroutine.close()
        await refused(TypeError, "'int' object is not iterable", 3)
        with pytest.raises(TypeError, match="unhashable type: 'list'"):
            await api.wait([[]])
        with pytest.raises(AttributeError, match="'int' object has no attribute"):
            await api.wait([3])
        for wrong in ("first", None, 1):
            await refused(
                ValueError, f"Invalid return_when value: {wrong}", [future], return_when=wrong
            )
        with pytest.raises(TypeError):
            await api.wait([future], timeout="soon")
        await refused(AssertionError, "Set of Futures is empty.", iter([]))
        assert not future._callbacks

    run(main())


@pytest.mark.parametrize(
    ("arguments", "options", "text"),
    [
        ((), {}, "wait() missing 1 required positional argument: 'fs'"),
        (([], 1), {}, "wait() takes 1 positional argument but 2 were given"),
        (([],), {"fs": []}, "wait() got multiple values for argument 'fs'"),
        (([],), {"colour": 1}, "wait() got an unexpected keyword argument 'colour'"),
    ],
)
def test_wrong_calls(api, arguments, options, text):
    with pytest.raises(TypeError, match=f"^{re.escape(text)}"):
        api.wait(*arguments, **options)


def test_arguments_by_name(run, api):
    async def main():
        future = new_future()
        future.set_result(None)
        return await api.wait(fs=[future], timeout=None, return_when="ALL_COMPLETED") == (
            {future},
            set(),
        )

    assert run(main())


def test_it_needs_a_running_loop(loop, api):
    future = loop.create_future()
    coroutine = api.wait([future])
    assert inspect.isawaitable(coroutine) and asyncio.iscoroutine(coroutine)
    assert coroutine.__name__ == coroutine.__qualname__ == "wait"
    with pytest.raises(RuntimeError, match="^no running event loop$"):
        coroutine.send(None)


def test_nothing_happens_before_it_is_awaited(loop, api):
    coroutine = api.wait(3)
    with pytest.raises(TypeError):
        loop.run_until_complete(coroutine)


def test_a_wait_that_is_cancelled_cancels_nothing(run, api, futures):
    async def main():
        fs = futures(2)
        waiting = asyncio.ensure_future(api.wait(fs, timeout=3600))
        await asyncio.sleep(0)
        waiting.cancel("enough")
        with pytest.raises(asyncio.CancelledError, match="enough"):
            await waiting
        assert not any(future.done() for future in fs)

    run(main())


def test_a_wait_that_is_cancelled_in_the_turn_in_which_it_is_over(run, api):
    async def main():
        future = new_future()
        waiting = asyncio.ensure_future(api.wait([future]))
        await asyncio.sleep(0)
        future.set_result(None)
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    run(main())


@pytest.mark.parametrize(
    ("when", "reports"),
    [("ALL_COMPLETED", 2), ("FIRST_COMPLETED", 2), ("FIRST_EXCEPTION", 1)],
)
def test_whose_exception_counts_as_seen(run, api, reported, when, reports):
    async def main():
        fs = [new_future(), new_future()]
        waiting = asyncio.ensure_future(api.wait(fs, return_when=when))
        await asyncio.sleep(0)
        for future in fs:
            future.set_exception(ZeroDivisionError())
        await waiting

    run(main())
    gc.collect()
    # FIRST_EXCEPTION has to look, except at the last one.
    messages = [context["message"] for context in reported]
    reported.clear()
    assert messages == ["Future exception was never retrieved"] * reports


def test_subclasses_of_future(run, api):
    class Own(api.Future):
        def add_done_callback(self, callback, *, context=None):
            added.append(callback)
            super().add_done_callback(callback, context=context)

        def remove_done_callback(self, callback):
            removed.append(callback)
            return super().remove_done_callback(callback)

    added, removed = [], []

    async def main():
        loop = asyncio.get_running_loop()
        future, other = Own(loop=loop), Own(loop=loop)
        loop.call_soon(future.set_result, None)
        done, pending = await api.wait([future, other], return_when="FIRST_COMPLETED")
        assert done == {future} and pending == {other}
        assert len(added) == len(removed) == 2
        assert set(added) == set(removed)

    run(main())


@pytest.mark.skipif(sys.version_info < (3, 14), reason="call graphs are of 3.14")
def test_call_graphs_show_who_waits(run, api):
    async def main():
        fs = [new_future(), new_future(), new_future()]
        waiting = asyncio.ensure_future(api.wait(fs))
        await asyncio.sleep(0)
        assert all(future._asyncio_awaited_by == {waiting} for future in fs)
        fs[0].set_result(None)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert fs[0]._asyncio_awaited_by is None
        assert fs[1]._asyncio_awaited_by == {waiting}
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert not any(future._asyncio_awaited_by for future in fs)

    run(main())


def test_a_wait_that_is_dropped_is_collected(loop, api):
    class Holder:
        pass

    async def main():
        holder = Holder()
        future = new_future()
        holder.wait = api.wait([future])
        future.holder = holder
        holder.wait.send(None)
        reference = weakref.ref(holder)
        del holder, future
        gc.collect()
        return reference()

    assert loop.run_until_complete(main()) is None


def test_debug_mode(loop, run, api, futures):
    loop.set_debug(True)
    loop.slow_callback_duration = 60  # A busy machine is nobody's mistake.

    async def main():
        fs = futures(3)
        for future in fs:
            asyncio.get_running_loop().call_soon(end, future, "result")
        done, pending = await api.wait(fs, timeout=10)
        assert done == set(fs) and not pending

    run(main())


def test_ten_thousand(run, api):
    async def main():
        fs = [new_future() for _ in range(10_000)]

        def finish():
            for future in fs[1:]:
                future.set_result(None)

        asyncio.get_running_loop().call_soon(finish)
        waiting = asyncio.ensure_future(api.wait(fs))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not waiting.done()
        fs[0].set_result(None)
        done, pending = await waiting
        assert len(done) == 10_000 and not pending

    run(main())
