"""What a Python process writes down about itself."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from harness.records import read

RECORDER = Path(__file__).resolve().parent.parent / "recorder"


@pytest.fixture
def records_of(tmp_path):
    """Runs source in a process with the recorder; answers its records by kind."""

    def run(source: str) -> dict[str, list[str]]:
        environment = {**os.environ, "PYTHONPATH": str(RECORDER), "COMPAT_RECORDS": str(tmp_path)}
        command = [sys.executable, "-X", "dev", "-c", source]
        subprocess.run(command, env=environment, timeout=60, capture_output=True, check=True)
        found: dict[str, list[str]] = {}
        for record in read(tmp_path):
            found.setdefault(record.kind, []).append(record.text)
        return found

    return run


def test_nothing_is_written_of_a_program_that_does_nothing_wrong(records_of):
    assert records_of("print('hello')") == {}


def test_warnings(records_of):
    assert records_of("import warnings; warnings.warn('careful')") == {
        "warning": ["UserWarning: careful"]
    }


def test_errors_that_are_logged_whoever_takes_them(records_of):
    source = """
import logging
logger = logging.getLogger("library")
logger.propagate = False
logger.error("broken: %s", 1)
logger.warning("not that bad")
try:
    1 / 0
except ZeroDivisionError:
    logger.exception("worse")
"""
    assert records_of(source) == {
        "log": [
            "library: broken: 1",
            "library: ZeroDivisionError('division by zero'): worse",
        ]
    }


def test_what_asyncio_warns_of_except_slow_callbacks(records_of):
    source = """
import asyncio, time
async def main():
    asyncio.get_running_loop().slow_callback_duration = 0
    time.sleep(0)
    asyncio.get_running_loop().create_future().set_exception(ValueError("lost"))
asyncio.run(main())
"""
    found = records_of(source)
    [message] = found.pop("log")
    first_line, *_ = message.splitlines()
    assert first_line == "asyncio: ValueError('lost'): Future exception was never retrieved"
    assert found == {"loop": ["asyncio.unix_events"]}


def test_loops_and_the_tasks_they_are_wound_up_with(records_of):
    source = """
import asyncio
async def forgotten():
    await asyncio.sleep(1000)
async def main():
    asyncio.current_task().kept = asyncio.create_task(forgotten())
asyncio.run(main())
"""
    assert records_of(source) == {"loop": ["asyncio.unix_events"], "task": ["forgotten"]}


def test_exceptions_that_nobody_can_be_told_of(records_of):
    source = """
import threading
class Object:
    def __del__(self):
        raise ValueError("in a finalizer")
Object()
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
"""
    found = records_of(source)
    assert found["unraisable"][0].startswith("ValueError('in a finalizer') in ")
    assert found["thread"] == ["ZeroDivisionError('division by zero')"]


def test_descriptors_that_are_open_at_the_end(records_of):
    found = records_of("import os; pipe = os.pipe(); null = os.open('/dev/null', 0)")
    assert sorted(found["descriptor"]) == ["1 /dev/null", "2 pipe"]


def test_pipes_to_children_are_not_counted(records_of):
    # As hypercorn does: whether it still has its worker at the end depends on who is faster.
    source = """
import multiprocessing, os, signal, sys
if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    context.Event()
    for kept in True, False:
        child = context.Process(target=os.getpid)
        child.start()
        if kept:
            signal.signal(signal.SIGUSR1, lambda *_, child=child: child.join())
    pipe = os.pipe()
"""
    # Of the three, one leads to multiprocessing's resource tracker. A child has another input.
    of_child = "1 /dev/null"
    assert sorted(records_of(source)["descriptor"]) == [of_child, of_child, "3 pipe"]
