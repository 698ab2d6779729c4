"""Does the checker hold against files that break off, never end, or take too much?"""

import asyncio
import os
import signal
import textwrap
import time

import pytest
from aioxide_learn.labs import Check, Finding, Report, all_labs, check
from aioxide_learn.labs.catalogue import read_lab

LAB = next(lab for lab in all_labs() if lab.name == "first-steps")
pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def run(tmp_path):
    """Check a file with this text."""

    def run(text, **options):
        file = tmp_path / "starter.py"
        file.write_text(textwrap.dedent(text))
        return asyncio.run(check(LAB, file, **options))

    return run


def messages(report):
    return " ".join(one.message for one in [*report.checks, *report.findings])


def test_a_file_with_a_syntax_error_names_the_line(run):
    report = run("x = 1\ndef broken(:\n")
    assert not report.passed
    assert "Line 2" in report.checks[0].message


def test_a_missing_function_is_named(run):
    report = run("async def run_job(jobs):\n    return []\n")
    assert "Your file has no 'run_jobs'" in messages(report)


def test_a_plain_function_is_no_coroutine_function(run):
    report = run("def run_jobs(jobs):\n    return []\n")
    assert "write `async def`" in messages(report)


def test_an_exception_names_its_line(run):
    report = run("async def run_jobs(jobs):\n    return jobs[99]\n")
    assert "Line 2 raised IndexError: list index out of range" in messages(report)


def test_an_import_that_fails_is_told(run):
    report = run("import no_such_module_at_all\n")
    assert "No module named 'no_such_module_at_all'" in messages(report)


def test_a_loop_without_await_is_ended_and_its_line_named(run):
    report = run("async def run_jobs(jobs):\n    while True:\n        pass\n", timeout=4)
    assert not report.passed
    assert "did not give control back: it is still in line" in messages(report)
    assert report.findings[0].kind == "stuck" and report.findings[0].line in (2, 3)


def test_a_loop_that_only_yields_is_ended(run):
    text = """
    import asyncio
    async def run_jobs(jobs):
        while True:
            await asyncio.sleep(0)
    """
    report = run(text, timeout=4)
    assert not report.passed and report.findings[0].kind == "stuck"


def test_a_program_that_runs_at_import_is_told(run):
    report = run("import asyncio\nasync def main():\n    pass\nasyncio.run(main())\n")
    assert '`if __name__ == "__main__":`' in messages(report)


def test_a_loop_at_import_is_ended(run):
    report = run("while True:\n    pass\n", timeout=4)
    assert not report.passed and "line" in messages(report)


def test_waiting_for_ever_names_what_is_waited_for(run):
    text = """
    import asyncio
    async def run_jobs(jobs):
        await asyncio.Event().wait()
    """
    report = run(text)
    assert "does not come to an end" in messages(report)
    assert "waits for Event.wait(), line 4 in run_jobs" in messages(report)


def test_a_file_that_ignores_its_cancellation_ends(run):
    text = """
    import asyncio
    async def run_jobs(jobs):
        while True:
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                pass
    """
    report = run(text)
    assert len(report.checks) == 4 and not any(one.passed for one in report.checks)


def test_memory_is_limited(run):
    text = """
    async def run_jobs(jobs):
        return bytearray(2 ** 30)
    """
    report = run(text, memory=2**28)
    assert "more memory than the limit allows" in messages(report)


def test_output_is_kept_and_cut(run):
    report = run("print('loaded')\nasync def run_jobs(jobs):\n    return []\n")
    assert report.output.startswith("loaded\n")


def test_endless_output_is_ended(run):
    began = time.monotonic()
    report = run("while True:\n    print('x' * 1000)\n", timeout=30)
    assert "prints without end" in messages(report)
    assert len(report.output) < 70_000
    assert time.monotonic() - began < 25


@pytest.mark.parametrize("leave", ["os._exit(0)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_file_that_ends_the_process_does_not_pass(run, leave):
    report = run(f"import os, signal\nasync def run_jobs(jobs):\n    {leave}\n")
    assert not report.passed
    assert "ended the process" in messages(report)


def test_a_file_that_exits_does_not_pass(run):
    report = run("import sys\nasync def run_jobs(jobs):\n    sys.exit(0)\n")
    assert not report.passed and "SystemExit" in messages(report)


def test_what_the_file_started_is_ended(run, tmp_path):
    text = f"""
    import subprocess, pathlib
    process = subprocess.Popen(["sleep", "600"])
    pathlib.Path({str(tmp_path / "pid")!r}).write_text(str(process.pid))
    async def run_jobs(jobs):
        while True:
            pass
    """
    run(text, timeout=3)
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 10
    while _is_running(pid):
        assert time.monotonic() < deadline, "the process of the file is still there"
        time.sleep(0.02)


def _is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_cancelling_a_check_ends_its_child(tmp_path):
    file = tmp_path / "starter.py"
    mark = tmp_path / "pid"
    file.write_text(
        f"import os, pathlib\npathlib.Path({str(mark)!r}).write_text(str(os.getpid()))\n"
        "while True:\n    pass\n"
    )

    async def main():
        task = asyncio.create_task(check(LAB, file, timeout=60))
        while not mark.exists() or not mark.read_text():
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return int(mark.read_text())

    pid = asyncio.run(main())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def test_a_check_leaves_no_descriptor_open(run):
    run("async def run_jobs(jobs):\n    return []\n")
    before = sorted(os.listdir("/proc/self/fd"))
    run("async def run_jobs(jobs):\n    return []\n")
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_standard_input_is_empty(run):
    report = run("async def run_jobs(jobs):\n    return input()\n")
    assert "EOFError" in messages(report)


def test_a_task_that_nobody_looks_at_is_found(run):
    text = """
    import asyncio
    async def fail():
        raise ValueError("lost")
    async def run_jobs(jobs):
        task = asyncio.create_task(fail())
        await asyncio.sleep(4)
        return [("tea", 0.0, 3.0)]
    """
    report = run(text)
    assert "A task failed with ValueError: lost, and nobody noticed" in messages(report)
    assert {"exception-lost"} == {one.kind for one in report.findings}


def test_bad_arguments_are_named(tmp_path):
    with pytest.raises(ValueError, match="timeout and memory are positive, not 0"):
        asyncio.run(check(LAB, __file__, timeout=0))
    with pytest.raises(FileNotFoundError, match="nothing.py"):
        asyncio.run(check(LAB, tmp_path / "nothing.py"))


def test_a_lab_with_a_wrong_key_is_refused(tmp_path):
    (tmp_path / "lab.toml").write_text('title = "x"\norde = 1\n')
    with pytest.raises(ValueError, match="missing or unknown: .*orde"):
        read_lab(tmp_path)


def test_a_report_is_json():
    report = Report("lab", [Check("a", True), Check("b", False, "why")], "out")
    report.findings.append(Finding("stuck", "line 3", 3))
    assert report.to_dict()["passed"] is False
    assert report.to_dict()["findings"] == [{"kind": "stuck", "message": "line 3", "line": 3}]
    assert not Report("lab").passed, "nothing was checked"
