"""What the two runs of a program come to, and how it is shown."""

import json
from pathlib import Path

import pytest
from harness import report
from harness.catalogue import RUN, Program, chosen
from harness.records import Record
from harness.supervision import Run
from harness.verdict import ENVIRONMENT, FAILED, PASSED, UNAVAILABLE, judge, unavailable

PROGRAM = Program("sample", ("sample",), RUN)


def ran(loop, *, error=None, steps=("one", "two"), records=()):
    return Run(loop, error, list(steps), 1.25, Path("log"), list(records))


def test_the_same_on_both_loops_passes():
    verdict = judge(PROGRAM, "1.0", ran("asyncio"), ran("aioxide"))
    assert (verdict.result, verdict.reasons) == (PASSED, [])
    assert not verdict.counts_against_us


def test_an_error_on_aioxide_counts_against_it():
    verdict = judge(PROGRAM, "1.0", ran("asyncio"), ran("aioxide", error="broken"))
    assert (verdict.result, verdict.reasons) == (FAILED, ["broken"])
    assert verdict.counts_against_us


def test_a_warning_on_aioxide_alone_counts_against_it():
    warned = ran("aioxide", records=[Record("warning", "UserWarning: careful", "program")])
    assert judge(PROGRAM, "1.0", ran("asyncio"), warned).result == FAILED


def test_doing_less_counts_against_it():
    verdict = judge(PROGRAM, "1.0", ran("asyncio"), ran("aioxide", steps=["one"]))
    assert (verdict.result, verdict.reasons) == (
        FAILED,
        ["it did not do the same as on the standard loop"],
    )


def test_what_came_out_differently_counts_against_it():
    control, tried = ran("asyncio"), ran("aioxide")
    control.facts, tried.facts = [["status", 200], ["body", "a"]], [["status", 200], ["body", "b"]]
    verdict = judge(PROGRAM, "1.0", control, tried)
    assert (verdict.result, verdict.reasons) == (FAILED, ["body: b, on the standard loop a"])
    tried.facts = control.facts[:1]
    assert judge(PROGRAM, "1.0", control, tried).result == FAILED


def test_a_control_that_fails_is_the_fault_of_the_environment():
    verdict = judge(PROGRAM, "1.0", ran("asyncio", error="no network"), None)
    assert (verdict.result, verdict.reasons) == (ENVIRONMENT, ["on the standard loop: no network"])
    assert not verdict.counts_against_us


def test_without_a_control_errors_count_and_warnings_do_not():
    warned = ran("aioxide", records=[Record("warning", "UserWarning: careful", "program")])
    assert judge(PROGRAM, "1.0", None, warned).result == PASSED
    assert judge(PROGRAM, "1.0", None, ran("aioxide", error="broken")).result == FAILED


@pytest.fixture
def verdicts():
    missing = Program("missing", ("missing",), RUN)
    return [
        judge(PROGRAM, "1.0", ran("asyncio"), ran("aioxide")),
        unavailable(missing, "–", "pip cannot install missing: no network"),
    ]


def test_the_table_shows_what_was_done_and_what_could_not_be_had(verdicts):
    table = report.table(verdicts)
    assert "sample   1.0             1.2         1.2  passed\n    one; two" in table
    assert f"missing  –                 –           –  {UNAVAILABLE}" in table
    assert "pip cannot install missing: no network" in table
    assert report.closing_line(verdicts) == f"1 passed, 1 {UNAVAILABLE}"


def test_the_table_is_put_between_the_marks_of_a_page(verdicts, tmp_path):
    page = tmp_path / "compatibility.md"
    page.write_text("before\n<!-- compat:table -->\nold\n<!-- /compat:table -->\nafter\n")
    report.publish(verdicts, page)
    text = page.read_text()
    assert text.startswith("before\n<!-- compat:table -->\n| program |")
    assert "| sample | 1.0 | one; two | 1.2 | 1.2 | passed |" in text
    assert text.endswith(".\n<!-- /compat:table -->\nafter\n") and "old" not in text


def test_a_page_without_marks_is_refused(verdicts, tmp_path):
    page = tmp_path / "compatibility.md"
    page.write_text("nothing here\n")
    with pytest.raises(ValueError, match="has no <!-- compat:table -->"):
        report.publish(verdicts, page)


def test_the_json_has_both_runs(verdicts):
    described = json.loads(report.as_json(verdicts))
    sample, missing = described["programs"]
    assert sample["runs"]["aioxide"]["steps"] == ["one", "two"]
    assert set(sample["runs"]) == {"asyncio", "aioxide"} and missing["runs"] == {}


def test_rows_of_programs_that_were_not_run_stay(tmp_path):
    page = tmp_path / "compatibility.md"
    page.write_text(
        "before\n<!-- compat:table -->\n| program | version |\n| aiohttp | 1.0 |\n| redis | 2.0 |\n"
        "\nRun: 2020-01-01, CPython 3.\n<!-- /compat:table -->\nafter\n"
    )
    [aiohttp] = chosen(["aiohttp"])
    report.publish([judge(aiohttp, "3.0", ran("asyncio"), ran("aioxide"))], page)
    lines = page.read_text().splitlines()
    assert "| aiohttp | 3.0 | one; two | 1.2 | 1.2 | passed |" in lines
    assert "| aiohttp | 1.0 |" not in lines
    assert "| redis | 2.0 |" in lines
    assert "redis: 2020-01-01, CPython 3." in lines
    assert (lines[0], lines[-1]) == ("before", "after")


def test_a_finding_of_a_lint_counts_against_it_with_and_without_a_control():
    found = ran("aioxide", records=[Record("lint", "deadlock: two tasks", "program")] * 2)
    for control in (ran("asyncio"), None):
        verdict = judge(PROGRAM, "1.0", control, found)
        assert (verdict.result, verdict.reasons) == (
            FAILED,
            ["lint: deadlock: two tasks (2 times)"],
        )


@pytest.mark.parametrize(
    "text",
    [
        "exception-not-retrieved: Task exception was never retrieved: AllExit: ; made at x.py:1",
        "never-awaited: coroutine 'f' was never awaited",
        "never-closed: unclosed transport <SocketTransport fd=1>",
        "task-dropped: task 'a' was collected while it was pending",
    ],
)
def test_what_asyncio_reports_as_well_is_no_matter_of_the_lints(text):
    found = ran("aioxide", records=[Record("lint", text, "program")])
    assert judge(PROGRAM, "1.0", None, found).result == PASSED
