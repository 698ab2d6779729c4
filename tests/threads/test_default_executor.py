"""The default executor: replacing it, shutting it down, leaving the interpreter."""

import asyncio
import concurrent.futures
import sys
import threading

import pytest

needs_shutdown_timeout = pytest.mark.skipif(
    sys.version_info < (3, 12),
    reason="shutdown_default_executor(timeout) came with Python 3.12",
)


def thread_name():
    return threading.current_thread().name


def test_set_default_executor(run, loop):
    async def main():
        loop.set_default_executor(
            concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="chosen")
        )
        assert (await loop.run_in_executor(None, thread_name)).startswith("chosen")
        assert (await asyncio.to_thread(thread_name)).startswith("chosen")

    run(main())


def test_set_default_executor_after_the_first_use(run, loop):
    async def main():
        assert (await loop.run_in_executor(None, thread_name)).startswith("asyncio_")
        with concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="chosen") as pool:
            loop.set_default_executor(pool)
            assert (await loop.run_in_executor(None, thread_name)).startswith("chosen")

    run(main())


@pytest.mark.parametrize("useless", [None, 5, concurrent.futures.Executor()])
def test_set_default_executor_takes_thread_pools_only(loop, useless):
    with pytest.raises(TypeError) as info:
        loop.set_default_executor(useless)
    assert str(info.value) == "executor must be ThreadPoolExecutor instance"


def test_shutdown_waits_for_running_functions(run, loop):
    running, release = threading.Event(), threading.Event()
    ended = []

    def work():
        running.set()
        assert release.wait(10)
        ended.append(True)

    async def main():
        future = loop.run_in_executor(None, work)
        while not running.is_set():
            await asyncio.sleep(0)
        shutdown = asyncio.ensure_future(loop.shutdown_default_executor())
        await asyncio.sleep(0)
        assert not shutdown.done()
        release.set()
        assert await shutdown is None
        assert ended == [True]
        await future

    run(main())


def test_shutdown_ends_the_threads(run, loop):
    async def main():
        before = threading.active_count()
        barrier = threading.Barrier(3, timeout=10)
        await asyncio.gather(*(loop.run_in_executor(None, barrier.wait) for _ in range(3)))
        await loop.shutdown_default_executor()
        assert threading.active_count() == before

    run(main())


def test_shutdown_of_a_pool_never_used(run, loop):
    async def main():
        assert await loop.shutdown_default_executor() is None
        assert await loop.shutdown_default_executor() is None

    run(main())


def test_nothing_runs_after_shutdown(run, loop):
    async def main():
        await loop.run_in_executor(None, int)
        await loop.shutdown_default_executor()
        with pytest.raises(RuntimeError) as info:
            loop.run_in_executor(None, int)
        assert str(info.value) == "Executor shutdown has been called"
        with pytest.raises(RuntimeError, match="^Executor shutdown has been called$"):
            await asyncio.to_thread(int)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            assert await loop.run_in_executor(pool, int) == 0

    run(main())


@needs_shutdown_timeout
def test_shutdown_gives_up_after_its_timeout(run, loop):
    running, release = threading.Event(), threading.Event()

    def work():
        running.set()
        assert release.wait(10)

    async def main():
        future = loop.run_in_executor(None, work)
        while not running.is_set():
            await asyncio.sleep(0)
        shutdown = loop.create_task(loop.shutdown_default_executor(timeout=0.05))
        if sys.version_info < (3, 13):
            # 3.12 waits in the loop without end and gives the timeout to the join only.
            loop.call_later(0.2, release.set)
            await shutdown
        else:
            with pytest.warns(RuntimeWarning) as warned:
                await shutdown
            assert [str(warning.message) for warning in warned] == [
                "The executor did not finishing joining its threads within 0.05 seconds."
            ]
            release.set()
        await future

    run(main())


@needs_shutdown_timeout
def test_shutdown_within_its_timeout_warns_of_nothing(run, loop):
    async def main():
        await loop.run_in_executor(None, int)
        await loop.shutdown_default_executor(timeout=10)

    run(main())


def test_own_default_executor_is_shut_down(run, loop):
    async def main():
        pool = concurrent.futures.ThreadPoolExecutor(1)
        loop.set_default_executor(pool)
        await loop.run_in_executor(None, int)
        await loop.shutdown_default_executor()
        with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
            pool.submit(int)

    run(main())


CHILD = """
    import asyncio, importlib, sys, threading
    loop = importlib.import_module(sys.argv[1]).new_event_loop()
    asyncio.set_event_loop(loop)
"""


@pytest.mark.parametrize("closing", ["loop.close()", "pass"], ids=["closed", "left open"])
def test_idle_threads_do_not_keep_the_interpreter(kind, run_script, closing):
    finished = run_script(
        CHILD
        + f"""
    barrier = threading.Barrier(3, timeout=10)

    async def main():
        await asyncio.gather(*(loop.run_in_executor(None, barrier.wait) for _ in range(3)))

    loop.run_until_complete(main())
    {closing}
    print("end of the program")
    """,
        kind,
        # Debug builds show such warnings by default.
        options=("-W", "ignore::ResourceWarning"),
    )
    assert finished.stdout == "end of the program\n"
    assert finished.stderr == ""
    assert finished.returncode == 0


def test_interpreter_waits_for_a_running_function(kind, run_script):
    finished = run_script(
        CHILD
        + """
    running, release = threading.Event(), threading.Event()

    def work():
        running.set()
        release.wait(10)
        print("the work is done", flush=True)

    async def main():
        loop.run_in_executor(None, work)
        while not running.is_set():
            await asyncio.sleep(0)

    loop.run_until_complete(main())
    loop.close()
    threading.Timer(0.2, release.set).start()
    print("end of the program", flush=True)
    """,
        kind,
    )
    assert finished.stdout.splitlines() == ["end of the program", "the work is done"]
    assert finished.stderr == ""
    assert finished.returncode == 0


def test_asyncio_run_shuts_the_pool_down(kind, run_script):
    finished = run_script(
        """
    import asyncio, importlib, sys, threading
    loops = importlib.import_module(sys.argv[1])

    async def main():
        await asyncio.to_thread(int)

    loops.run(main())
    print([thread.name for thread in threading.enumerate()])
    """,
        kind,
    )
    assert finished.stdout == "['MainThread']\n"
    assert finished.stderr == ""


def test_loop_closed_while_a_function_runs(loop_factory):
    running, release, ended = threading.Event(), threading.Event(), threading.Event()

    def work():
        running.set()
        assert release.wait(10)
        ended.set()

    loop = loop_factory()

    async def main():
        loop.run_in_executor(None, work)
        while not running.is_set():
            await asyncio.sleep(0)

    loop.run_until_complete(main())
    loop.close()
    release.set()
    assert ended.wait(10)
