"""How do the futures of the loop and those of threads become one another?"""

import asyncio
import concurrent.futures
import threading

import pytest


@pytest.fixture(params=["asyncio's", "own"])
def functions(api, request):
    """Where the functions come from: asyncio, or the side under test."""
    return asyncio if request.param == "asyncio's" else api


@pytest.fixture
def concurrent_future():
    return concurrent.futures.Future()


def in_a_thread(function, *arguments):
    thread = threading.Thread(target=function, args=arguments)
    thread.start()
    return thread


def test_wrapping_makes_a_future_of_the_loop(loop, Future, concurrent_future, functions):
    wrapped = functions.wrap_future(concurrent_future, loop=loop)
    assert type(wrapped) is Future
    assert wrapped.get_loop() is loop


def test_a_future_of_a_loop_is_not_wrapped(loop, functions):
    future = loop.create_future()
    assert functions.wrap_future(future) is future


def test_wrapping_takes_the_running_loop(loop, run, concurrent_future, functions):
    async def main():
        return functions.wrap_future(concurrent_future).get_loop()

    assert run(main()) is loop


def test_something_else_cannot_be_wrapped(loop, functions):
    with pytest.raises(AssertionError) as raised:
        functions.wrap_future(42, loop=loop)
    assert str(raised.value) == "concurrent.futures.Future is expected, got 42"


def test_a_result_of_another_thread_arrives(loop, run, concurrent_future, functions):
    async def main():
        wrapped = functions.wrap_future(concurrent_future)
        thread = in_a_thread(concurrent_future.set_result, 42)
        assert await wrapped == 42
        thread.join()

    run(main())


def test_an_exception_of_another_thread_arrives(loop, run, concurrent_future, functions):
    exception = ValueError("text")

    async def main():
        wrapped = functions.wrap_future(concurrent_future)
        thread = in_a_thread(concurrent_future.set_exception, exception)
        with pytest.raises(ValueError) as raised:
            await wrapped
        assert raised.value is exception
        thread.join()

    run(main())


def test_a_cancellation_of_another_thread_arrives(loop, run, concurrent_future, functions):
    async def main():
        wrapped = functions.wrap_future(concurrent_future)
        thread = in_a_thread(concurrent_future.cancel)
        with pytest.raises(asyncio.CancelledError):
            await wrapped
        assert wrapped.cancelled()
        thread.join()

    run(main())


def test_a_cancelled_error_becomes_that_of_asyncio(loop, run, concurrent_future, functions):
    async def main():
        wrapped = functions.wrap_future(concurrent_future)
        concurrent_future.set_exception(concurrent.futures.CancelledError("text"))
        with pytest.raises(asyncio.CancelledError) as raised:
            await wrapped
        assert raised.value.args == ("text",)

    run(main())


def test_cancelling_the_wrapper_cancels_the_source(loop, turn, concurrent_future, functions):
    wrapped = functions.wrap_future(concurrent_future, loop=loop)
    wrapped.cancel()
    turn()
    assert concurrent_future.cancelled()


def test_a_cancelled_wrapper_ignores_a_late_result(loop, turn, concurrent_future, functions):
    wrapped = functions.wrap_future(concurrent_future, loop=loop)
    assert concurrent_future.set_running_or_notify_cancel()
    wrapped.cancel()
    turn()
    concurrent_future.set_result(42)
    turn()
    assert wrapped.cancelled()


def test_a_result_after_the_loop_was_closed_is_ignored(loop, concurrent_future, functions):
    wrapped = functions.wrap_future(concurrent_future, loop=loop)
    wrapped.cancel()
    loop.close()
    concurrent_future.set_result(42)
    assert wrapped.cancelled()


def test_a_coroutine_runs_on_the_loop_of_another_thread(loop, functions):
    async def main():
        await asyncio.sleep(0)
        return asyncio.get_running_loop(), threading.get_ident()

    results = []

    def ask():
        future = functions.run_coroutine_threadsafe(main(), loop)
        assert isinstance(future, concurrent.futures.Future)
        results.append(future.result(10))
        loop.call_soon_threadsafe(loop.stop)

    thread = in_a_thread(ask)
    loop.run_forever()
    thread.join()
    assert results == [(loop, threading.get_ident())]


def test_its_exception_reaches_the_other_thread(loop, functions):
    async def main():
        raise ValueError("text")

    raised = []

    def ask():
        raised.append(functions.run_coroutine_threadsafe(main(), loop).exception(10))
        loop.call_soon_threadsafe(loop.stop)

    thread = in_a_thread(ask)
    loop.run_forever()
    thread.join()
    assert [type(error) for error in raised] == [ValueError]


def test_the_other_thread_can_cancel_it(loop, functions):
    log = []
    started = threading.Event()

    async def main():
        started.set()
        try:
            await loop.create_future()
        except asyncio.CancelledError:
            log.append("cancelled")
            loop.stop()
            raise

    def ask():
        future = functions.run_coroutine_threadsafe(main(), loop)
        assert started.wait(10)
        assert future.cancel()

    thread = in_a_thread(ask)
    loop.run_forever()
    thread.join()
    assert log == ["cancelled"]


def test_only_coroutines_run_on_the_loop_of_another_thread(loop, functions):
    with pytest.raises(TypeError) as raised:
        functions.run_coroutine_threadsafe(42, loop)
    assert str(raised.value) == "A coroutine object is required"


def test_a_task_factory_that_fails_is_seen_by_the_other_thread(loop, turn, reported, functions):
    def factory(loop, coroutine, **options):
        raise LookupError("in the factory")

    async def main():
        pass

    loop.set_task_factory(factory)
    coroutine = main()
    future = functions.run_coroutine_threadsafe(coroutine, loop)
    turn()
    loop.set_task_factory(None)
    coroutine.close()
    assert type(future.exception(0)) is LookupError
    assert type(reported.take_one()["exception"]) is LookupError


def test_results_of_the_default_executor_arrive(loop, run):
    async def main():
        numbers = await asyncio.gather(
            *(loop.run_in_executor(None, pow, number, 2) for number in range(20))
        )
        assert numbers == [number**2 for number in range(20)]
        assert await asyncio.to_thread(pow, 2, 10) == 1024
        with pytest.raises(ZeroDivisionError):
            await loop.run_in_executor(None, divmod, 1, 0)

    run(main())


def test_futures_of_two_loops_can_be_chained_through_threads(loop, new_loop, functions):
    other = new_loop()
    thread = in_a_thread(other.run_forever)

    async def there():
        return asyncio.get_running_loop()

    async def main():
        return await functions.wrap_future(functions.run_coroutine_threadsafe(there(), other))

    assert loop.run_until_complete(main()) is other
    other.call_soon_threadsafe(other.stop)
    thread.join()
