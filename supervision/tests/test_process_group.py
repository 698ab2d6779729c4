"""However a command ends, its status is known and nothing of it stays."""

import os
import signal
import sys
import textwrap
import time
from contextlib import contextmanager

import psutil
import pytest
from process_group import ProcessGroup, exit_in_words


@pytest.fixture
def started(tmp_path):
    """Starts Python with this source; the group is ended when the block is left."""

    @contextmanager
    def start(source, **options):
        with (tmp_path / "output").open("wb") as output:
            group = ProcessGroup(
                [sys.executable, "-c", textwrap.dedent(source)],
                folder=tmp_path,
                environment=os.environ,
                output=output,
                **options,
            )
            try:
                yield group
            finally:
                group.end()

    return start


def has_ended(pid):
    """Whether a process is gone, or waits to be reaped by somebody else."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize(
    ("source", "status", "words"),
    [
        ("", 0, "exit status 0"),
        ("raise SystemExit(3)", 3, "exit status 3"),
        ("import os; os.kill(os.getpid(), 9)", -signal.SIGKILL, "killed by SIGKILL"),
        ("import os; os.abort()", -signal.SIGABRT, "killed by SIGABRT"),
    ],
)
def test_status(started, source, status, words):
    with started(source) as group:
        assert group.wait(20) == status
        assert group.status == status
    assert group.status == status
    assert exit_in_words(status) == words


def test_status_of_a_command_that_runs(started):
    with started("import time; time.sleep(1000)") as group:
        assert group.status is None
        assert group.wait(0.05) is None
    assert group.status == -signal.SIGKILL


def test_working_directory_and_output(started, tmp_path):
    with started("import os, sys; print(os.getcwd(), file=sys.stderr); print(input())") as group:
        assert group.wait(20) == 1
    output = (tmp_path / "output").read_text()
    assert output.startswith(str(tmp_path))
    assert "EOFError" in output


def test_descriptors_that_are_passed_on(started):
    reading, writing = os.pipe()
    with started(f"import os; os.write({writing}, b'here')", pass_fds=(writing,)) as group:
        os.close(writing)
        assert group.wait(20) == 0
        assert os.read(reading, 10) == b"here"
    os.close(reading)


CHILD = """
    import pathlib, subprocess, sys
    child = subprocess.Popen(["sleep", "{seconds}"])
    pathlib.Path("child").write_text(str(child.pid))
"""


def test_what_a_command_leaves_is_named_and_killed(started, tmp_path):
    with started(CHILD.format(seconds=1000)) as group:
        assert group.wait(20) == 0
        assert group.end(grace=0.05) == ["sleep 1000"]
    assert has_ended(int((tmp_path / "child").read_text()))


def test_what_ends_by_itself_is_given_the_time(started):
    with started(CHILD.format(seconds=0.2)) as group:
        assert group.wait(20) == 0
        began = time.monotonic()
        assert group.end(grace=20) == []
        assert time.monotonic() - began < 20
