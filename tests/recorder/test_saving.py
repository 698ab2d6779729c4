"""When a recording is saved by itself."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from recorder import trace_file

DEADLINE = 20  # seconds

START = """
import asyncio, os, signal, sys, time
import aioxide
"""


@pytest.fixture
def program(tmp_path):
    """Starts a program in ``tmp_path``; its output and errors are pipes."""
    started = []

    def start(source, **environment):
        path = tmp_path / "program.py"
        path.write_text(START + textwrap.dedent(source))
        process = subprocess.Popen(
            [sys.executable, str(path)],
            cwd=tmp_path,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def run(program):
    """Runs a program to its end: status, output, errors."""

    def run(source, **environment):
        process = program(source, **environment)
        output, errors = process.communicate(timeout=DEADLINE)
        return process.returncode, output, errors

    return run


def test_an_exception_that_ends_the_program(run, tmp_path):
    status, _, errors = run(
        """
        aioxide.record(save="saved.aiotrace")
        async def main():
            raise LookupError("the reason")
        aioxide.run(main())
        """
    )
    assert status == 1
    assert errors.rstrip().endswith("LookupError: the reason")
    trace = trace_file.read(tmp_path / "saved.aiotrace")
    (failure,) = trace.failures
    assert (failure["type"], failure["text"]) == ("LookupError", "the reason")
    assert "in main" in failure["traceback"]


def test_an_exception_that_nobody_retrieves(run, tmp_path):
    status, _, errors = run(
        """
        aioxide.record(save="saved-{pid}.aiotrace")
        async def fail():
            raise ValueError("lost")
        async def main():
            aioxide.create_task(fail(), name="failing")
            await aioxide.sleep(0)
            await aioxide.sleep(0)
        aioxide.run(main())
        print(os.getpid())
        """
    )
    assert status == 0
    assert "never retrieved" in errors
    (path,) = tmp_path.glob("saved-*.aiotrace")
    trace = trace_file.read(path)
    (failure,) = trace.failures
    assert failure["text"] == "lost"
    assert trace.steps_of("failing")[0].outcome == "failed"


def test_a_deadlock(run, tmp_path):
    status, _, errors = run(
        """
        from aioxide import testing
        aioxide.record(save="saved.aiotrace")
        async def main():
            await aioxide.Event().wait()
        testing.run(main())
        """
    )
    assert status == 1
    assert "DeadlockError" in errors
    trace = trace_file.read(tmp_path / "saved.aiotrace")
    assert "event" in [step.wait for step in trace.of(trace_file.Step)]


def test_a_deadlock_that_the_lint_finds(run, tmp_path):
    status, _, errors = run(
        """
        aioxide.record(save="saved.aiotrace")
        aioxide.watch()
        async def both(first, second):
            async with first:
                await aioxide.sleep(0)
                async with second:
                    pass
        async def main():
            one, two = aioxide.Lock(), aioxide.Lock()
            tasks = [
                aioxide.create_task(both(one, two), name="there"),
                aioxide.create_task(both(two, one), name="back"),
            ]
            for _ in range(1000):
                await aioxide.sleep(0.01)
                if os.path.exists("saved.aiotrace"):
                    break
            for task in tasks:
                task.cancel()
        aioxide.run(main())
        """
    )
    assert status == 0, errors
    trace = trace_file.read(tmp_path / "saved.aiotrace")
    assert [each["lint"] for each in trace.findings] == ["deadlock"]
    assert {step.wait for step in trace.steps_of("there")} >= {"lock"}


def test_a_signal(program, tmp_path):
    process = program(
        """
        aioxide.record(save="saved.aiotrace", signal=signal.SIGUSR2)
        async def main():
            loop = aioxide.get_running_loop()
            loop.call_later(0.01, lambda: print("ready", flush=True))
            await aioxide.sleep(60)
        aioxide.run(main())
        """
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGUSR2)
    path = tmp_path / "saved.aiotrace"
    deadline = time.monotonic() + DEADLINE
    while not (path.exists() and trace_file.TraceFile(path.read_bytes() or EMPTY).calibrations):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    assert "sleep" in [s.wait for s in trace_file.read(path).of(trace_file.Step)]


EMPTY = b"AIOTRACE\x01\0\0\0"


def test_the_environment_records_a_program_as_it_is(run, tmp_path):
    status, _, errors = run("aioxide.run(aioxide.sleep(0)); 1 / 0", AIOXIDE_RECORD="1")
    assert status == 1
    (path,) = tmp_path.glob("aioxide-*.aiotrace")
    assert f"aioxide: wrote {path}\n" in errors
    assert trace_file.read(path).of(trace_file.Step)


def test_a_place_that_cannot_be_written_to_hides_no_exception(run):
    status, _, errors = run(
        """
        aioxide.record(save="no/where.aiotrace")
        async def main():
            1 / 0
        aioxide.run(main())
        """
    )
    assert status == 1
    assert "the recording could not be saved" in errors
    assert errors.rstrip().endswith("ZeroDivisionError: division by zero")


def test_a_program_that_fails_again_and_again_is_saved_once(run, tmp_path):
    status, output, _ = run(
        """
        aioxide.record(save="saved.aiotrace")
        written = []
        old = aioxide._aioxide._dump_recording
        aioxide._aioxide._dump_recording = lambda *args: (written.append(1), old(*args))
        async def main():
            loop = aioxide.get_running_loop()
            for _ in range(100):
                loop.call_soon(lambda: 1 / 0)
            await aioxide.sleep(0)
        aioxide.run(main())
        print(len(written))
        """
    )
    assert (status, output) == (0, "1\n")
    assert len(trace_file.read(tmp_path / "saved.aiotrace").failures) == 1


def test_an_exception_whose_text_cannot_be_had(run, tmp_path):
    status, _, _ = run(
        """
        aioxide.record(save="saved.aiotrace")
        class Odd(Exception):
            def __str__(self):
                raise RuntimeError("no text")
        async def main():
            aioxide.get_running_loop().call_soon(fail)
            await aioxide.sleep(0)
        def fail():
            raise Odd
        aioxide.run(main())
        """
    )
    assert status == 0
    (failure,) = trace_file.read(tmp_path / "saved.aiotrace").failures
    assert failure["type"] == "__main__.Odd"
    assert "RuntimeError" in failure["text"]
