"""loop.run_in_executor: functions in threads, their results, errors and cancellation."""

import asyncio
import concurrent.futures
import contextvars
import os
import sys
import threading

import pytest


def test_result_comes_from_another_thread(run, loop):
    async def main():
        future = loop.run_in_executor(None, threading.get_ident)
        assert asyncio.isfuture(future)
        assert future.get_loop() is loop
        assert await future != threading.get_ident()

    run(main())


def test_positional_arguments_are_passed_on(run, loop):
    async def main():
        assert await loop.run_in_executor(None, divmod, 17, 5) == (3, 2)

    run(main())


def test_exception_reaches_the_awaiter(run, loop):
    def fails():
        raise LookupError("from the thread")

    async def main():
        with pytest.raises(LookupError, match="^from the thread$") as info:
            await loop.run_in_executor(None, fails)
        assert "fails" in [entry.name for entry in info.traceback]

    run(main())


def test_default_threads_are_named_after_asyncio(run, loop):
    async def main():
        name = await loop.run_in_executor(None, lambda: threading.current_thread().name)
        assert name.startswith("asyncio_")

    run(main())


def test_an_idle_default_thread_is_used_again(run, loop, kind):
    async def main():
        names = [
            await loop.run_in_executor(None, lambda: threading.current_thread().name)
            for _ in range(10)
        ]
        # In asyncio a thread counts as idle a moment after its result is known only.
        assert len(set(names)) < 10
        if kind == "aioxide":
            assert len(set(names)) == 1

    run(main())


def test_default_pool_runs_functions_at_the_same_time(run, loop):
    barrier = threading.Barrier(4, timeout=10)

    async def main():
        places = await asyncio.gather(*(loop.run_in_executor(None, barrier.wait) for _ in "1234"))
        assert sorted(places) == [0, 1, 2, 3]

    run(main())


def test_default_pool_is_bounded_and_loses_nothing(run, loop):
    most = min(32, (os.cpu_count() or 1) + 4)
    lock = threading.Lock()
    running, peak = 0, 0

    def work(number):
        nonlocal running, peak
        with lock:
            running += 1
            peak = max(peak, running)
        threading.Event().wait(0.001)
        with lock:
            running -= 1
        return number

    async def main():
        results = await asyncio.gather(
            *(loop.run_in_executor(None, work, number) for number in range(300))
        )
        assert results == list(range(300))

    run(main())
    assert 1 <= peak <= most


def test_own_thread_pool(run, loop):
    async def main():
        with concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="mine") as pool:
            name = await loop.run_in_executor(pool, lambda: threading.current_thread().name)
            assert name.startswith("mine")

    run(main())


def test_own_executor_need_not_use_threads(run, loop):
    class Immediate(concurrent.futures.Executor):
        def submit(self, function, /, *args, **kwargs):
            future = concurrent.futures.Future()
            future.set_result(function(*args, **kwargs))
            return future

    async def main():
        assert await loop.run_in_executor(Immediate(), pow, 2, 10) == 1024

    run(main())


def test_process_pool(kind, run_script):
    finished = run_script(
        """
    import concurrent.futures, importlib, multiprocessing, os, sys
    loop = importlib.import_module(sys.argv[1]).new_event_loop()

    async def main():
        context = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
            print(await loop.run_in_executor(pool, os.getpid) != os.getpid())

    loop.run_until_complete(main())
    loop.close()
    """,
        kind,
    )
    assert finished.stderr == ""
    assert finished.stdout == "True\n"


def test_context_is_not_carried_over(run, loop):
    variable = contextvars.ContextVar("variable", default="unset")

    async def main():
        variable.set("set in the loop")
        assert await loop.run_in_executor(None, variable.get) == "unset"

    run(main())


def test_context_of_a_function_does_not_leak_into_the_next(run, loop):
    variable = contextvars.ContextVar("variable", default="unset")

    async def main():
        await asyncio.gather(*(loop.run_in_executor(None, variable.get) for _ in range(4)))
        assert variable.get() == "unset"

    run(main())


def test_cancelling_a_waiting_function_keeps_it_from_starting(run, loop):
    release = threading.Event()
    started = []

    async def main():
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            busy = loop.run_in_executor(pool, release.wait, 10)
            waiting = loop.run_in_executor(pool, started.append, "second")
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            # The future tells the pool in a callback of the next iteration.
            await asyncio.sleep(0)
            release.set()
            assert await busy is True
        assert started == []

    run(main())


def test_cancelling_a_waiting_function_of_the_default_pool(run, loop):
    most = min(32, (os.cpu_count() or 1) + 4)
    release = threading.Event()
    started = []

    async def main():
        busy = [loop.run_in_executor(None, release.wait, 10) for _ in range(most)]
        waiting = loop.run_in_executor(None, started.append, "late")
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        # The future tells the pool in a callback of the next iteration.
        await asyncio.sleep(0)
        release.set()
        assert await asyncio.gather(*busy) == [True] * most
        await loop.run_in_executor(None, int)
        assert started == []

    run(main())


def test_cancelling_a_running_function_frees_the_awaiter_at_once(run, loop):
    running, release, ended = threading.Event(), threading.Event(), threading.Event()

    def work():
        running.set()
        assert release.wait(10)
        ended.set()

    async def main():
        future = loop.run_in_executor(None, work)
        while not running.is_set():
            await asyncio.sleep(0)
        future.cancel()
        with pytest.raises(asyncio.CancelledError):
            await future
        assert not ended.is_set()
        release.set()
        await loop.run_in_executor(None, ended.wait, 10)
        assert ended.is_set()

    run(main())


def test_result_wakes_a_loop_that_sleeps(run, loop):
    async def main():
        # Nothing else is scheduled: only the thread's result can end the wait.
        assert await loop.run_in_executor(None, sum, [1, 2, 3]) == 6

    run(main())


@pytest.mark.parametrize("executor", ["pool", 5, object()])
def test_executor_without_submit_is_refused(loop, executor):
    with pytest.raises(AttributeError, match="submit"):
        loop.run_in_executor(executor, int)


def test_coroutine_function_is_refused_in_debug_mode(loop):
    async def work():
        return None

    loop.set_debug(True)
    with pytest.raises(TypeError) as info:
        loop.run_in_executor(None, work)
    assert str(info.value) == "coroutines cannot be used with run_in_executor()"


def test_function_that_cannot_be_called_is_refused_in_debug_mode(loop):
    loop.set_debug(True)
    with pytest.raises(TypeError) as info:
        loop.run_in_executor(None, "text")
    assert str(info.value) == ("a callable object was expected by run_in_executor(), got 'text'")


def test_closed_loop_refuses(loop):
    loop.close()
    with pytest.raises(RuntimeError, match="^Event loop is closed$"):
        loop.run_in_executor(None, int)


@pytest.mark.skipif(
    sys.version_info < (3, 13), reason="until Python 3.12 such a future was never completed"
)
def test_stop_iteration_from_a_thread_becomes_a_runtime_error(run, loop):
    def fails():
        raise StopIteration("not for futures")

    async def main():
        with pytest.raises(RuntimeError) as info:
            await loop.run_in_executor(None, fails)
        assert str(info.value) == (
            "StopIteration interacts badly with generators and cannot be raised into a Future"
        )
        assert isinstance(info.value.__cause__, StopIteration)

    run(main())


def test_a_loop_that_never_waits_lets_calls_run(run, loop):
    """Each iteration lets the GIL go, not only the interpreter after its switch interval."""

    def call():
        for _ in range(3):
            threading.Event().wait(0)  # Gives the GIL away, and wants it again.
        return "done"

    async def main():
        sys.setswitchinterval(1000)
        try:
            calling = loop.run_in_executor(None, call)
            while not calling.done():
                await asyncio.sleep(0)
        finally:
            sys.setswitchinterval(interval)
        return calling.result()

    interval = sys.getswitchinterval()
    assert run(main()) == "done"
