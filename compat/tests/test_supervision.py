"""However a program ends, the runner hears of it and nothing of it stays."""

import contextlib
import sys
import textwrap

import psutil
import pytest
from harness import supervision
from harness.catalogue import COMMAND, HTTP, RUN, Program
from harness.supervision import Place, run_program


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs source in place of run_program.py."""

    def run(source: str, *, deadline: float = 60.0):
        monkeypatch.setattr(supervision, "_HERE", tmp_path / "compat")
        (tmp_path / "compat").mkdir()
        preamble = "import json, os, pathlib, subprocess, sys\n"
        preamble += "arguments = dict(zip(sys.argv[2::2], sys.argv[3::2]))\n"
        preamble += "report = pathlib.Path(arguments['--report'])\n"
        (tmp_path / "compat" / "run_program.py").write_text(preamble + textwrap.dedent(source))
        place = Place(python=sys.executable, folder=tmp_path, certificates=None, quick=False)
        return run_program(Program("sample", (), RUN, deadline=deadline), "asyncio", place, {})

    return run


def test_a_program_that_is_done(run):
    done = run("""
        print(arguments)
        report.write_text(json.dumps({"steps": ["one", "two"], "error": None, "seconds": 1.5}))
    """)
    assert (done.error, done.steps, done.seconds) == (None, ["one", "two"], 1.5)
    assert "'--loop': 'asyncio'" in done.log.read_text()


def test_a_program_that_says_what_went_wrong(run):
    done = run("""
        report.write_text(json.dumps({"steps": ["one"], "error": "too bad", "seconds": 1}))
        sys.exit(1)
    """)
    assert (done.error, done.steps) == ("too bad", ["one"])


def test_a_program_that_ends_before_it_can_say_so(run):
    assert run("sys.exit(3)").error == "exit status 3"


def test_a_program_that_crashes(run):
    assert run("os.kill(os.getpid(), 9)").error == "killed by SIGKILL"


def test_a_program_that_does_not_end(run, monkeypatch):
    monkeypatch.setattr(supervision, "_GRACE_SECONDS", 0.1)
    done = run("import time; time.sleep(1000)", deadline=0.1)
    assert done.error == "was not done after 0 s"


def test_a_process_that_a_program_leaves_is_named_and_ended(run, monkeypatch):
    monkeypatch.setattr(supervision, "_GRACE_SECONDS", 0.1)
    done = run("""
        left = subprocess.Popen(["sleep", "1000"])
        pathlib.Path("left").write_text(str(left.pid))
        report.write_text(json.dumps({"steps": [], "error": None, "seconds": 1}))
        os._exit(0)
    """)
    assert done.error == "processes were left behind: sleep 1000"
    number = int((done.log.parent / "files" / "left").read_text())
    with contextlib.suppress(psutil.NoSuchProcess):
        assert psutil.Process(number).status() == psutil.STATUS_ZOMBIE


def test_every_process_is_in_development_mode_and_records(run, monkeypatch):
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "0")
    done = run("""
        child = [sys.executable, "-c", "import sys; print(sys.flags.dev_mode)"]
        said = subprocess.run(child, capture_output=True, text=True).stdout.strip()
        steps = [said, os.environ["COMPAT_RECORDS"], str("PYTHONASYNCIODEBUG" in os.environ)]
        report.write_text(json.dumps({"steps": steps, "error": None, "seconds": 1}))
    """)
    assert done.steps == ["True", str(done.log.parent / "records"), "False"]


@pytest.mark.parametrize(
    "start, loop, expected",
    [
        (COMMAND, "aioxide", ["-m", "aioxide"]),
        (HTTP, "aioxide", ["-m", "aioxide", "--http"]),
        (COMMAND, "asyncio", []),
        (HTTP, "asyncio", []),
        (RUN, "aioxide", []),
    ],
)
def test_the_command_line_of_aioxide_is_used_where_the_catalogue_says_so(start, loop, expected):
    assert supervision.command_of(Program("sample", (), start), loop) == expected
