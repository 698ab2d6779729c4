"""Recordings of programs that run in the test, read back from the file."""

import asyncio
import contextlib

import aioxide
import pytest
from recorder import trace_file


@pytest.fixture
def recorded(tmp_path):
    """Runs ``main()`` while it is recorded; returns what the file then holds."""

    def run(main, **options):
        path = tmp_path / "run.aiotrace"
        with (
            aioxide.record(**options) as recording,
            asyncio.Runner(loop_factory=aioxide.new_event_loop) as runner,
        ):
            with contextlib.suppress(ZeroDivisionError):
                runner.run(main())
            recording.dump(path)
        return trace_file.read(path)

    return run


@pytest.fixture(autouse=True)
def nothing_is_recorded_afterwards():
    yield
    assert not aioxide.recording.is_recording()
