"""Programs that call ``record()`` themselves, where a recording was asked for from outside."""

import os
import signal
import sys

import pytest

WORKER = """
    import asyncio, os, signal, sys
    import aioxide
    from aioxide import recording

    async def worker(number):
        await asyncio.sleep(0.001)

    async def main():
        await asyncio.gather(*(worker(number) for number in range(5)))
    """


def is_trace(path):
    return path.read_bytes()[:8] == b"AIOTRACE"


@pytest.fixture
def traced(aioxide, program, tmp_path):
    """Runs a program alone and under ``trace``: both end alike, and what both have printed."""

    def run(source):
        program(WORKER + source)
        alone = aioxide("app.py")
        for path in tmp_path.glob("*.aiotrace"):
            path.unlink()
        under = aioxide("trace", "-o", "out.aiotrace", "app.py")
        told = f"aioxide: wrote {tmp_path / 'out.aiotrace'}\n"
        assert under.stderr == alone.stderr + told
        assert (under.returncode, under.stdout) == (alone.returncode, alone.stdout)
        assert b"worker" in (tmp_path / "out.aiotrace").read_bytes()
        return under

    return run


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "capacity=2000",
        "save='saved.aiotrace'",
        "file='own.aiotrace'",
        "file='own.aiotrace', full=True",
        "save='saved.aiotrace', signal=signal.SIGUSR2",
    ],
)
def test_a_recording_program_runs_unchanged(traced, arguments):
    finished = traced(
        f"""
    own = aioxide.record({arguments})
    print(own.is_running, aioxide.record() is own, aioxide.record({arguments}) is own)
    try:
        aioxide.record(capacity=4321)
    except RuntimeError as error:
        print(error)
    asyncio.run(main())
    own.dump("dumped.aiotrace")
    own.stop()
    print(own.is_running, own.error)
    own.dump("later.aiotrace")
    with aioxide.record(capacity=3000) as second:
        print(second is own)
    """
    )
    first, _, last, again = finished.stdout.splitlines()
    assert (first, last, again) == ("True True True", "False None", "False")


@pytest.mark.parametrize("arguments", ["file='own.aiotrace'", "file='own.aiotrace', full=True"])
def test_its_file_is_written_when_it_stops(traced, tmp_path, arguments):
    traced(
        f"""
    with aioxide.record({arguments}):
        asyncio.run(main())
        print(os.path.exists("own.aiotrace"))
    """
    )
    assert is_trace(tmp_path / "own.aiotrace")
    assert b"worker" in (tmp_path / "own.aiotrace").read_bytes()


def test_its_file_is_written_at_exit(traced, tmp_path):
    traced("\n    aioxide.record(file='own.aiotrace', full=True)\n    asyncio.run(main())\n")
    assert b"worker" in (tmp_path / "own.aiotrace").read_bytes()


def test_a_file_that_cannot_be_made_is_its_error(traced):
    finished = traced(
        """
    try:
        aioxide.record(file="no/where.aiotrace")
    except OSError as error:
        print(type(error).__name__, error.filename)
    asyncio.run(main())
    """
    )
    assert finished.stdout == "FileNotFoundError no/where.aiotrace\n"


def test_what_it_saves_when_it_fails(traced, tmp_path):
    finished = traced(
        """
    aioxide.record(save="saved.aiotrace")
    asyncio.run(main())
    raise LookupError("nothing found")
    """
    )
    assert finished.returncode == 1
    assert b"nothing found" in (tmp_path / "saved.aiotrace").read_bytes()


def test_what_it_saves_on_a_signal(traced, tmp_path):
    traced(
        """
    before = signal.getsignal(signal.SIGUSR2)
    with aioxide.record(save="saved.aiotrace", signal=signal.SIGUSR2):
        asyncio.run(main())
        signal.raise_signal(signal.SIGUSR2)
        print(os.path.exists("saved.aiotrace"))
    print(signal.getsignal(signal.SIGUSR2) is before)
    """
    )
    assert is_trace(tmp_path / "saved.aiotrace")


def test_both_write_to_one_file(aioxide, program, tmp_path):
    """The program names the file that ``trace`` was told to write: it is that of ``trace``."""
    program(
        WORKER
        + """
    with aioxide.record(file="out.aiotrace", full=True) as own:
        asyncio.run(main())
        own.dump("out.aiotrace")
    asyncio.run(worker(6))
    """
    )
    finished = aioxide("trace", "-o", "out.aiotrace", "app.py")
    assert finished.stderr == f"aioxide: wrote {tmp_path / 'out.aiotrace'}\n"
    assert finished.returncode == 0
    content = (tmp_path / "out.aiotrace").read_bytes()
    assert content.count(b"AIOTRACE") == 1
    assert b"worker" in content


def test_its_end_is_not_the_end_of_the_trace(aioxide, program, tmp_path):
    program(
        WORKER
        + """
    aioxide.record().stop()
    print(recording.is_recording())
    asyncio.run(main())
    """
    )
    finished = aioxide("trace", "-o", "out.aiotrace", "app.py")
    assert finished.stdout == "True\n"
    assert b"worker" in (tmp_path / "out.aiotrace").read_bytes()


@pytest.mark.parametrize(
    ("options", "environment"),
    [
        (["--record"], {}),
        (["--console"], {}),
        ([], {"AIOXIDE_RECORD": "1"}),
        ([], {"AIOXIDE_CONSOLE": "1"}),
    ],
)
@pytest.mark.parametrize(
    "arguments", ["capacity=100_000", "file='own.aiotrace', full=True", "save='saved.aiotrace'"]
)
def test_other_recordings_from_outside(aioxide, program, tmp_path, options, environment, arguments):
    program(
        WORKER
        + f"""
    from aioxide import console
    with aioxide.record({arguments}) as own:
        asyncio.run(main())
        print(own.capacity >= 65536, recording.is_recording())
        own.dump("dumped.aiotrace")
    print(recording.is_recording(), console.is_running())
    asyncio.run(main())
    aioxide.dump_trace("later.aiotrace")
    raise LookupError
    """
    )
    finished = aioxide(*options, "app.py", env=environment)
    has_console = "--console" in options or "AIOXIDE_CONSOLE" in environment
    assert finished.stdout == f"True True\nTrue {has_console}\n", finished.stderr
    for name in ("dumped", "later"):
        assert b"worker" in (tmp_path / f"{name}.aiotrace").read_bytes()
    if "own.aiotrace" in arguments:
        assert b"worker" in (tmp_path / "own.aiotrace").read_bytes()
    assert len(list(tmp_path.glob("aioxide-*.aiotrace"))) == (not has_console)


@pytest.mark.parametrize("way", ["option", "environment"])
def test_record_saves_under_trace_too(aioxide, program, tmp_path, way):
    program(WORKER + "\n    asyncio.run(main())\n    raise LookupError\n")
    options = ["--record"] if way == "option" else []
    environment = {} if options else {"AIOXIDE_RECORD": "1"}
    finished = aioxide("trace", *options, "-o", "out.aiotrace", "app.py", env=environment)
    assert finished.returncode == 1
    assert is_trace(tmp_path / "out.aiotrace")
    [saved] = tmp_path.glob("aioxide-*.aiotrace")
    assert b"LookupError" in saved.read_bytes()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_records_for_itself(traced, tmp_path):
    traced(
        """
    import warnings
    warnings.simplefilter("ignore")
    aioxide.record(save="saved.aiotrace", signal=signal.SIGUSR2)
    asyncio.run(main())
    if os.fork() == 0:
        with aioxide.record(file="child.aiotrace", full=True):
            asyncio.run(main())
        os._exit(3)
    print(os.waitstatus_to_exitcode(os.wait()[1]))
    """
    )
    assert b"worker" in (tmp_path / "child.aiotrace").read_bytes()


def test_killed_in_the_middle(aioxide, program, tmp_path):
    """What was written so far opens: the file of the trace has all, the program's its beginning."""
    program(
        WORKER
        + """
    aioxide.record(file="own.aiotrace", full=True)
    asyncio.run(main())
    import time
    deadline = time.monotonic() + 10
    while b"worker" not in open("out.html.aiotrace", "rb").read() and time.monotonic() < deadline:
        pass
    os.kill(os.getpid(), signal.SIGKILL)
    """
    )
    finished = aioxide("trace", "-o", "out.html", "app.py")
    assert finished.returncode == -signal.SIGKILL
    assert b"worker" in (tmp_path / "out.html.aiotrace").read_bytes()
    assert is_trace(tmp_path / "own.aiotrace")


def test_a_full_disk_is_told_when_it_stops(aioxide, program, tmp_path):
    if sys.platform != "linux":
        pytest.skip("/dev/full is Linux's")
    program(
        WORKER
        + """
    own = aioxide.record(file="own.aiotrace", full=True)
    os.remove("own.aiotrace")
    os.symlink("/dev/full", "own.aiotrace")
    asyncio.run(main())
    own.stop()
    print(own.error)
    """
    )
    finished = aioxide("trace", "-o", "out.aiotrace", "app.py")
    assert finished.returncode == 0
    assert "No space left" in finished.stdout
    assert f"aioxide: {'own.aiotrace'} is incomplete: " in finished.stderr
