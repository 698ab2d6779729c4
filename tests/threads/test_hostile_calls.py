"""Calls in threads that raise oddly, call back, and race with the end of the loop."""

import asyncio
import concurrent.futures
import gc
import threading

import pytest


class Failure(BaseException):
    pass


class ComesBack(Exception):
    """An exception whose constructor and finalizer use the loop."""

    loop = None

    def __init__(self, *arguments):
        super().__init__(*arguments)
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(bool)

    def __del__(self):
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(bool)


def raising(exception):
    def function(*arguments):
        raise exception

    return function


@pytest.fixture(params=["to_thread", "run_in_executor", "own executor"])
def call(request, api, loop):
    """Calls a function in a thread."""
    if request.param == "to_thread":
        yield lambda function, *arguments: asyncio.ensure_future(
            api.to_thread(function, *arguments), loop=loop
        )
    elif request.param == "run_in_executor":
        yield lambda function, *arguments: loop.run_in_executor(None, function, *arguments)
    else:
        with concurrent.futures.ThreadPoolExecutor(1) as executor:
            yield lambda function, *arguments: loop.run_in_executor(executor, function, *arguments)


@pytest.mark.parametrize("exception", [Failure, GeneratorExit, KeyError])
def test_any_exception_reaches_who_waits(run, call, exception):
    async def main():
        with pytest.raises(exception):
            await call(raising(exception("x")))

    run(main())


@pytest.mark.parametrize("exception", [SystemExit, KeyboardInterrupt])
def test_what_ends_a_program_is_an_exception_of_the_future(run, loop, exception):
    async def main():
        future = loop.run_in_executor(None, raising(exception(3)))
        await asyncio.wait([future])
        assert isinstance(future.exception(), exception)

    run(main())


@pytest.mark.parametrize(
    "exception, seen",
    [
        (concurrent.futures.CancelledError, asyncio.CancelledError),
        (concurrent.futures.TimeoutError, TimeoutError),
        (concurrent.futures.InvalidStateError, asyncio.InvalidStateError),
    ],
)
def test_exceptions_of_concurrent_futures_are_asyncios(run, loop, exception, seen):
    async def main():
        future = loop.run_in_executor(None, raising(exception("x")))
        await asyncio.wait([future])
        assert type(future.exception()) is seen
        assert future.exception().args == ("x",)

    run(main())


def test_an_exception_that_comes_back(run, loop, call):
    ComesBack.loop = loop

    async def main():
        for _ in range(5):
            with pytest.raises(ComesBack):
                await call(lambda: raising(ComesBack())())
        gc.collect()

    run(main())


def test_a_context_that_is_entered_already(run, loop, api):
    entered = threading.Event()
    leave = threading.Event()

    async def main():
        import contextvars

        context = contextvars.copy_context()

        def stay():
            entered.set()
            leave.wait(5)

        first = loop.run_in_executor(None, context.run, stay)
        await api.to_thread(entered.wait, 5)
        with pytest.raises(RuntimeError, match="already entered"):
            await loop.run_in_executor(None, context.run, bool)
        leave.set()
        await first

    run(main())


def test_cancelled_at_each_moment(run, loop, call):
    started, go = threading.Event(), threading.Event()

    def function():
        started.set()
        go.wait(5)
        return 1

    async def main():
        before = call(function)
        before.cancel()
        during = call(function)
        while not started.is_set():
            await asyncio.sleep(0)
        during.cancel()
        go.set()
        after = call(bool)
        assert await after is False
        assert not after.cancel()
        for future in (before, during):
            with pytest.raises(asyncio.CancelledError):
                await future

    run(main())


def test_a_result_whose_finalizer_calls_in_threads(run, loop):
    ran = threading.Event()

    class Result:
        def __del__(self):
            if not loop.is_closed():
                loop.run_in_executor(None, ran.set)

    async def main():
        await loop.run_in_executor(None, Result)
        gc.collect()
        while not ran.is_set():
            await asyncio.sleep(0)

    run(main())


def test_the_executor_may_be_exchanged_at_any_moment(run, loop):
    async def main():
        with concurrent.futures.ThreadPoolExecutor(1) as one:
            first = loop.run_in_executor(None, threading.get_ident)
            loop.set_default_executor(one)
            second = loop.run_in_executor(None, threading.get_ident)
            loop._default_executor = None
            third = loop.run_in_executor(None, threading.get_ident)
            assert await first != await second != await third
        await loop.shutdown_default_executor()
        with pytest.raises(RuntimeError, match="Executor shutdown has been called"):
            loop.run_in_executor(None, bool)
        await loop.shutdown_default_executor()

    run(main())


class OddExecutor:
    def __init__(self, submit):
        self.submit = submit


def test_an_executor_that_closes_the_loop(loop_factory):
    loop = loop_factory()
    pending = concurrent.futures.Future()

    def submit(*arguments):
        loop.close()
        return pending

    future = loop.run_in_executor(OddExecutor(submit), bool)
    pending.set_result(1)
    assert not future.done()
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        loop.run_in_executor(None, bool)


@pytest.mark.parametrize("submitted", [None, 7, "future"])
def test_an_executor_that_gives_no_future(loop, submitted):
    with pytest.raises(AssertionError):
        loop.run_in_executor(OddExecutor(lambda *arguments: submitted), bool)


def test_the_loop_is_closed_while_calls_run(loop_factory):
    started, go, ended = threading.Event(), threading.Event(), threading.Event()

    def function():
        started.set()
        go.wait(5)
        ended.set()

    loop = loop_factory()
    future = loop.run_in_executor(None, function)
    started.wait(5)
    loop.close()
    go.set()
    assert ended.wait(5)
    assert not future.done()


def test_calls_that_end_while_the_loop_is_closed(loop_factory):
    for _ in range(20):
        loop = loop_factory()
        futures = [loop.run_in_executor(None, bool) for _ in range(8)]
        loop.call_soon(loop.stop)
        loop.run_forever()
        loop.close()
        del futures


def test_a_thread_that_cannot_be_started(loop, monkeypatch):
    def start(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(RuntimeError, match="^can't start new thread$"):
        loop.run_in_executor(None, bool)
    monkeypatch.undo()
    assert loop.run_until_complete(loop.run_in_executor(None, int)) == 0
