"""asyncio.to_thread, and calls from other threads into the loop."""

import asyncio
import concurrent.futures
import contextvars
import functools
import gc
import os
import threading
import weakref

import pytest


@pytest.fixture(params=["asyncio's", "own"])
def to_thread(api, request):
    """The function, asyncio's or of the side under test."""
    return (asyncio if request.param == "asyncio's" else api).to_thread


def test_runs_in_another_thread_with_all_arguments(run, loop, to_thread):
    def work(a, b, *, c):
        return threading.get_ident(), (a, b, c)

    async def main():
        ident, arguments = await to_thread(work, 1, 2, c=3)
        assert ident != threading.get_ident()
        assert arguments == (1, 2, 3)

    run(main())


def test_exception_reaches_the_awaiter(run, loop, to_thread):
    def fails():
        raise LookupError("from the thread")

    async def main():
        with pytest.raises(LookupError, match="^from the thread$"):
            await to_thread(fails)

    run(main())


def test_context_is_carried_into_the_thread_and_not_back(run, loop, to_thread):
    variable = contextvars.ContextVar("variable", default="unset")

    def work():
        seen = variable.get()
        variable.set("set in the thread")
        return seen

    async def main():
        variable.set("set in the loop")
        assert await to_thread(work) == "set in the loop"
        assert variable.get() == "set in the loop"

    run(main())


def test_the_call_begins_while_the_loop_is_blocked(run, loop, to_thread):
    async def main():
        started, may_end = threading.Event(), threading.Event()

        def call():
            started.set()
            may_end.wait(10)

        calling = to_thread(call)
        try:
            calling.send(None)
            assert started.wait(10)
        finally:
            may_end.set()
        calling.close()

    run(main())


def test_nothing_happens_before_it_is_awaited(run, loop, to_thread):
    called = []

    async def main():
        to_thread(called.append, 1).close()
        calling = to_thread(called.append, 2)
        assert asyncio.iscoroutine(calling)
        assert calling.__name__ == "to_thread"
        await calling

    run(main())
    assert called == [2]


def test_without_a_loop_it_cannot_begin(to_thread):
    calling = to_thread(int)
    with pytest.raises(RuntimeError, match="^no running event loop$"):
        calling.send(None)


def test_a_function_is_needed(to_thread):
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'func'"):
        to_thread()
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'func'"):
        to_thread(func=int)


def test_keywords_may_have_any_name(run, loop, to_thread):
    def work(*arguments, **keywords):
        return arguments, keywords

    async def main():
        return await to_thread(work, 1, func=2, self=3)

    assert run(main()) == ((1,), {"func": 2, "self": 3})


def test_a_loop_that_runs_calls_elsewhere_is_asked(kind, api, to_thread):
    asked = []

    class Derived(asyncio.SelectorEventLoop if kind == "asyncio" else api.Loop):
        def run_in_executor(self, executor, func, *args):
            asked.append((executor, func.args[:1], args))
            return super().run_in_executor(executor, func, *args)

    loop = Derived()
    try:
        assert loop.run_until_complete(to_thread(divmod, 7, 2)) == (3, 1)
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()
    assert asked == [(None, (divmod,), ())]


def test_a_default_executor_that_was_set_is_used(run, loop, to_thread):
    async def main():
        with concurrent.futures.ThreadPoolExecutor(thread_name_prefix="chosen") as pool:
            loop.set_default_executor(pool)
            name = await to_thread(lambda: threading.current_thread().name)
        return name

    assert run(main()).startswith("chosen")


def test_after_the_executor_was_shut_down(run, loop, to_thread):
    async def main():
        await to_thread(int)
        await loop.shutdown_default_executor()
        with pytest.raises(RuntimeError, match="^Executor shutdown has been called$"):
            await to_thread(int)

    run(main())


def test_a_call_that_waits_for_a_thread_can_be_cancelled(run, loop, to_thread):
    called = []

    async def main():
        release = threading.Event()
        most = min(32, (os.cpu_count() or 1) + 4)
        busy = [asyncio.ensure_future(to_thread(release.wait, 10)) for _ in range(most)]
        late = asyncio.ensure_future(to_thread(called.append, "late"))
        await asyncio.sleep(0)
        late.cancel()
        for _ in range(3):
            await asyncio.sleep(0)
        release.set()
        await asyncio.gather(*busy)
        with pytest.raises(asyncio.CancelledError):
            await late
        await to_thread(called.append, "next")

    run(main())
    assert called == ["next"]


def test_what_is_passed_is_let_go_of(run, loop, to_thread):
    class Argument:
        pass

    async def main():
        argument = Argument()
        reference = weakref.ref(argument)
        assert await to_thread(lambda given: given is not None, argument)
        del argument
        # asyncio's own thread may still hold what it called with.
        await to_thread(int)
        gc.collect()
        return reference

    assert run(main())() is None


def test_no_running_loop_in_the_thread(run, loop, to_thread):
    async def main():
        with pytest.raises(RuntimeError, match="no running event loop"):
            await to_thread(asyncio.get_running_loop)

    run(main())


def test_thread_calls_back_into_the_loop(run, loop, to_thread):
    async def main():
        called = loop.create_future()

        def work():
            loop.call_soon_threadsafe(called.set_result, threading.get_ident())

        await to_thread(work)
        assert await called != threading.get_ident()

    run(main())


def test_coroutines_run_from_another_thread(run, loop, to_thread):
    async def double(number):
        await asyncio.sleep(0)
        return 2 * number

    def work():
        futures = [asyncio.run_coroutine_threadsafe(double(n), loop) for n in range(50)]
        return [future.result(timeout=10) for future in futures]

    async def main():
        assert await to_thread(work) == [2 * n for n in range(50)]

    run(main())


def test_exception_of_a_coroutine_run_from_another_thread(run, loop, to_thread):
    async def fails():
        raise LookupError("from the loop")

    def work():
        return asyncio.run_coroutine_threadsafe(fails(), loop).exception(timeout=10)

    async def main():
        assert str(await to_thread(work)) == "from the loop"

    run(main())


def test_cancelling_from_another_thread_cancels_the_task(run, loop, to_thread):
    async def main():
        entered, cancelled = asyncio.Event(), asyncio.Event()

        async def forever():
            entered.set()
            try:
                await loop.create_future()
            finally:
                cancelled.set()

        future = await to_thread(
            functools.partial(asyncio.run_coroutine_threadsafe, forever(), loop)
        )
        await entered.wait()
        assert await to_thread(future.cancel)
        await cancelled.wait()

    run(main())


def test_loops_of_several_threads_do_not_meet(loop_factory):
    outcomes = {}

    def whole_life(number):
        loop = loop_factory()
        try:

            async def main():
                for _ in range(100):
                    await asyncio.sleep(0)
                assert asyncio.get_running_loop() is loop
                return await loop.run_in_executor(None, lambda: number * 10)

            outcomes[number] = loop.run_until_complete(main())
            loop.run_until_complete(loop.shutdown_default_executor())
        finally:
            loop.close()

    threads = [threading.Thread(target=whole_life, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert outcomes == {0: 0, 1: 10, 2: 20, 3: 30}


def test_futures_of_two_threads_loops_wait_for_each_other(run, loop, loop_factory):
    ready = threading.Event()
    other = loop_factory()

    def serve():
        other.call_soon(ready.set)
        other.run_forever()
        other.close()

    async def answer():
        return threading.current_thread().name

    thread = threading.Thread(target=serve, name="the other thread")
    thread.start()
    assert ready.wait(10)

    async def main():
        future = asyncio.run_coroutine_threadsafe(answer(), other)
        assert await asyncio.wrap_future(future) == "the other thread"

    run(main())
    other.call_soon_threadsafe(other.stop)
    thread.join(10)
    assert other.is_closed()
