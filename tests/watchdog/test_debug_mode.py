"""Loops in debug mode: what blocks them is reported while it does, without being asked for."""

import os
import sys

import pytest

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

#: What programs find of the watchdog's threads.
THREADS = """
import os, threading

logging.getLogger("asyncio").setLevel(logging.CRITICAL)

def native():
    "The names of the kernel's threads, without numbers."
    folder = "/proc/self/task"
    names = []
    for each in os.listdir(folder):
        try:
            names.append(open(f"{folder}/{each}/comm").read().strip())
        except OSError:
            continue
    return sorted(names)

def python():
    return sorted(thread.name for thread in threading.enumerate())

def wait_for(condition):
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.001)
    return condition()
"""


def test_it_is_reported_while_it_blocks(watched):
    result, finished = watched(
        """
        async def other():
            pass

        def block():
            while not records.found:
                time.sleep(0.01)

        async def main():
            asyncio.create_task(other())
            asyncio.get_running_loop().call_soon(block)
            asyncio.create_task(other())
            await asyncio.sleep(0)
            end = time.monotonic()
            await until(2)
            report(end=end)

        aioxide.run(main(), debug=True)
        """
    )
    first, second = result["records"]
    assert first["at"] < result["end"]
    assert first["text"].startswith("the event loop has been blocked for 0.")
    assert first["function"] == second["function"] == "block"
    assert "; 1 ready task or callback waits" in first["text"] or "; 2 ready" in first["text"]
    assert 0.09 <= first["seconds"] <= second["seconds"]
    assert second["text"].startswith("the event loop was blocked for 0.")
    assert "Executing <Handle" in finished.stderr
    assert "kept the GIL" not in finished.stderr


@pytest.mark.parametrize("how", ["environment", "developer", "set_debug"])
def test_debug_mode_by(run_script, how):
    program = """
        import asyncio, logging, sys, threading, time, aioxide

        class Reported(logging.Handler):
            def emit(self, record):
                reported.set()

        reported = threading.Event()
        logging.basicConfig(format="%(message)s")
        logging.getLogger("aioxide.watchdog").addHandler(Reported())

        async def main():
            if "set_debug" in sys.argv:
                asyncio.get_running_loop().set_debug(True)
                await asyncio.sleep(0)
            # Long enough for the report: between two of them another line runs.
            while not reported.is_set():
                time.sleep(0.3)

        aioxide.run(main())
        """
    options = {
        "environment": {"env": {**os.environ, "PYTHONASYNCIODEBUG": "1"}},
        "developer": {"env": {**os.environ, "PYTHONDEVMODE": "1"}},
        "set_debug": {},
    }[how]
    finished = run_script(program, how, **options)
    assert finished.returncode == 0, finished.stderr
    assert "the event loop has been blocked for 0." in finished.stderr
    if sys.version_info >= (3, 13):  # The lines of `-c` are known from then on.
        assert "`await asyncio.sleep(…)` in place of `time.sleep(…)`" in finished.stderr


def test_slow_callback_duration_is_read_when_it_counts(watched):
    result, _ = watched(
        """
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)

        def quick():
            time.sleep(0.06)

        def slow():
            while not records.found:
                time.sleep(0.01)

        def unheard():
            time.sleep(0.15)

        async def main():
            loop = asyncio.get_running_loop()
            # A busy machine takes its time.
            loop.slow_callback_duration = 30
            await asyncio.sleep(0)
            quick()
            await asyncio.sleep(0)
            loop.slow_callback_duration = 0.05
            slow()
            await until(2)
            for nothing in (3600, 1e300, float("inf"), float("nan"), 0.001, 0.0, -1.0):
                loop.slow_callback_duration = nothing
                await asyncio.sleep(0)
                unheard()
            loop.set_debug(False)
            loop.slow_callback_duration = 0.05
            await asyncio.sleep(0)
            unheard()
            report()

        aioxide.run(main(), debug=True)
        """
    )
    assert [each["function"] for each in result["records"]] == ["slow", "slow"]


@LINUX
def test_a_program_that_never_blocks_has_no_thread_that_python_sees(watched):
    result, _ = watched(
        THREADS
        + """
async def main():
    await asyncio.sleep(0.25)
    return native(), python()

before = native()
during, seen = aioxide.run(main(), debug=True)
gone = wait_for(lambda: native() == before)
report(before=before, during=during, seen=seen, gone=gone)
"""
    )
    assert result["seen"] == ["MainThread"]
    assert [name for name in result["during"] if name not in result["before"]] == [
        "aioxide-watchdo"
    ]
    assert result["gone"], "the thread ends with the loop"


@LINUX
def test_the_thread_that_reports_ends_after_each_report(watched):
    result, _ = watched(
        THREADS
        + """
seen = []

def block():
    deadline = time.monotonic() + 10
    while not records.found and time.monotonic() < deadline:
        time.sleep(0.01)
    # Still blocked, and nobody is there any more.
    seen.append(wait_for(lambda: python() == ["MainThread"]))
    time.sleep(0.1)

async def main():
    await asyncio.sleep(0)
    block()
    await until(2)
    return wait_for(lambda: python() == ["MainThread"])

seen.append(aioxide.run(main(), debug=True))
report(seen=seen)
"""
    )
    assert len(result["records"]) == 2
    assert result["seen"] == [True, True]


@LINUX
@pytest.mark.skipif(sys.version_info < (3, 12), reason="older versions do not warn of a fork")
def test_a_fork_is_not_warned_of(watched):
    result, finished = watched(
        THREADS
        + """
import warnings

def block():
    while not records.found:
        time.sleep(0.01)

async def main():
    loop = asyncio.get_running_loop()
    # The forks themselves may take long.
    loop.slow_callback_duration = 30
    await asyncio.sleep(0.05)
    statuses = []
    for _ in range(20):
        child = os.fork()
        if child == 0:
            os._exit(len(native()) - 1)
        statuses.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    loop.slow_callback_duration = 0.1
    await asyncio.sleep(0)
    block()
    await until(2)
    return statuses

with warnings.catch_warnings(record=True) as warned:
    # As errors they are lost.
    warnings.simplefilter("always")
    statuses = aioxide.run(main(), debug=True)
report(statuses=statuses, warned=[str(each.message) for each in warned])
"""
    )
    assert result["warned"] == []
    assert result["statuses"] == [0] * 20
    assert [each["function"] for each in result["records"]] == ["block", "block"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_is_watched_on_its_own(watched):
    result, _ = watched(
        """
        import os, warnings
        warnings.simplefilter("ignore")
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)

        async def block():
            await asyncio.sleep(0)
            while not records.found:
                time.sleep(0.01)
            await until(2)

        aioxide.run(block(), debug=True)
        mine = len(records.found)
        records.found.clear()
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            aioxide.run(block(), debug=True)
            os._exit(len(records.found))
        _, status = os.waitpid(child, 0)
        report(mine=mine, child=os.waitstatus_to_exitcode(status))
        """
    )
    assert (result["mine"], result["child"]) == (2, 2)


def test_debug_mode_goes_on_after_unwatch(watched):
    result, _ = watched(
        """
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)

        def of(name):
            return [each for each in records.found if each["function"] == name]

        def one():
            while not of("one"):
                time.sleep(0.01)

        def two():
            while not of("two"):
                time.sleep(0.01)

        async def both(name):
            while len(of(name)) < 2:
                await asyncio.sleep(0.005)

        async def main():
            aioxide.watch(50)
            await asyncio.sleep(0)
            one()
            await both("one")
            aioxide.unwatch()
            await asyncio.sleep(0)
            two()
            await both("two")
            report(first=of("two")[0])

        aioxide.run(main(), debug=True)
        """
    )
    assert result["first"]["seconds"] >= 0.09, "the threshold of debug mode"


def test_loops_in_several_threads(watched):
    result, _ = watched(
        """
        import threading
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)

        def reported(name):
            return any(each["function"] == name for each in records.found)

        async def block():
            await asyncio.sleep(0)
            while not reported("block"):
                time.sleep(0.01)

        def other():
            while not reported("other"):
                time.sleep(0.01)

        async def main():
            thread = threading.Thread(target=aioxide.run, args=(block(),), kwargs={"debug": True})
            thread.start()
            await asyncio.sleep(0)
            other()
            while sum(each["function"] in ("block", "other") for each in records.found) < 4:
                await asyncio.sleep(0.005)
            thread.join()
            report()

        aioxide.run(main(), debug=True)
        """
    )
    functions = sorted(each["function"] for each in result["records"])
    assert [each for each in functions if each != "main"] == ["block", "block", "other", "other"]


def test_code_that_keeps_the_gil_is_told_by_asyncio_alone(run_script):
    finished = run_script(
        """
        import time, aioxide

        async def main():
            begin = time.perf_counter()
            sum(range(10_000_000))
            count = int(10_000_000 * 0.5 / (time.perf_counter() - begin))
            await aioxide.sleep(0)
            sum(range(count))

        aioxide.run(main(), debug=True)
        """
    )
    assert finished.returncode == 0, finished.stderr
    assert "kept the GIL" not in finished.stderr
    assert "Executing <Task" in finished.stderr


def test_a_program_that_ends_at_once(run_script):
    """The interpreter waits for a record that is being logged."""
    finished = run_script(
        """
        import logging, threading, time, aioxide

        class Slow(logging.Handler):
            def emit(self, record):
                begun.set()
                time.sleep(0.2)
                print(record.getMessage(), flush=True)

        begun = threading.Event()
        logging.getLogger("aioxide.watchdog").addHandler(Slow())

        async def main():
            while not begun.is_set():
                time.sleep(0.01)

        aioxide.run(main(), debug=True)
        """
    )
    assert (finished.returncode, "Traceback" in finished.stderr) == (0, False), finished.stderr
    assert "the event loop has been blocked for 0." in finished.stdout


def test_the_shorter_of_both_thresholds_counts(watched):
    result, _ = watched(
        """
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)

        async def main():
            asyncio.get_running_loop().slow_callback_duration = 0.05
            await asyncio.sleep(0)
            while not records.found:
                time.sleep(0.01)
            await until(2)
            report()

        aioxide.watch(10_000)
        aioxide.run(main(), debug=True)
        """
    )
    assert len(result["records"]) == 2


@pytest.mark.parametrize("watches", [False, True])
def test_asyncio_s_own_record_comes_as_before(watched, watches):
    _, finished = watched(
        """
        async def main():
            while not records.found:
                time.sleep(0.01)

        async def wait():
            await until(2)

        if "watch" in sys.argv:
            aioxide.watch()
        with aioxide.Runner(debug=True) as runner:
            runner.run(main())
            runner.run(wait())
        report()
        """,
        *["watch"] * watches,
    )
    (text,) = finished.stderr.splitlines()
    assert text.startswith("Executing <Task finished name='Task-1' coro=<main() done, ")
    assert " took 0." in text
