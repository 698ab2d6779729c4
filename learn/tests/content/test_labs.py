"""Does each lab accept its solution, and refuse each wrong answer with the message that helps?"""

import asyncio
import os
import re

import pytest
from aioxide_learn.labs import all_labs, check

LABS = {lab.name: lab for lab in all_labs()}
WRONG = [
    pytest.param(lab, file, id=f"{lab.name}-{file.stem}")
    for lab in LABS.values()
    for file in sorted((lab.folder / "wrong").glob("*.py"))
]
#: Seconds that the checks of one file may take here, where the machine may be busy.
LONG = 60
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def report_of():
    """The report of each file of the labs: all are checked first, as many at a time as fit."""
    files = {
        file: lab
        for lab in LABS.values()
        for file in (
            lab.folder / "solution.py",
            lab.folder / "starter.py",
            *(lab.folder / "wrong").glob("*.py"),
        )
    }

    async def check_all():
        slots = asyncio.Semaphore(os.cpu_count() or 1)

        async def check_one(file, lab):
            async with slots:
                return file, await check(lab, file, timeout=LONG)

        return dict(await asyncio.gather(*(check_one(*pair) for pair in files.items())))

    reports = asyncio.run(check_all())
    return lambda lab, name: reports[lab.folder / name]


def told(report):
    lines = [f"{one.name}: {one.message or 'passed'}" for one in report.checks]
    return "\n".join([*lines, *(f"{one.kind}: {one.message}" for one in report.findings)])


@pytest.mark.parametrize("lab", LABS.values(), ids=LABS)
def test_passes_its_solution(lab, report_of):
    report = report_of(lab, "solution.py")
    assert report.passed and not report.findings, told(report)
    assert report.output == ""
    assert report.timeline, "the lab shows no tasks"
    assert {span.state for span in report.timeline} <= {"done", "failed", "cancelled"}


@pytest.mark.parametrize("lab", LABS.values(), ids=LABS)
def test_does_not_pass_its_starter(lab, report_of):
    report = report_of(lab, "starter.py")
    assert report.checks and not report.passed


@pytest.mark.parametrize("lab, file", WRONG)
def test_refuses_with_help(lab, file, report_of):
    expected = re.match(r"# expects: (.+)", file.read_text("utf-8"))
    assert expected, "the first line says what is expected"
    report = report_of(lab, file)
    messages = " ".join(one.message for one in [*report.checks, *report.findings])
    assert not report.passed, "accepted"
    assert expected[1] in messages, told(report)


@pytest.mark.parametrize(
    ("lab", "file", "kind"),
    [
        ("first-steps", "forgotten_await", "forgotten-await"),
        ("first-steps", "blocking_sleep", "blocking-call"),
        ("many-urls", "blocking_client", "blocking-call"),
        ("many-urls", "session_never_closed", "not-closed"),
        ("clean-cancel", "works_on", "cancellation-swallowed"),
        ("producer-consumer", "unbounded_queue", "queue-grows"),
        ("five-at-a-time", "jobs_run_on", "task-left"),
    ],
)
def test_names_the_mistake_that_was_seen(lab, file, kind, report_of):
    report = report_of(LABS[lab], LABS[lab].folder / "wrong" / f"{file}.py")
    assert kind in {one.kind for one in report.findings}, told(report)
    if kind in ("cancellation-swallowed", "queue-grows"):
        assert all(one.line for one in report.findings if one.kind == kind)


@pytest.mark.parametrize("lab", LABS.values(), ids=LABS)
def test_timeline_says_what_each_task_did(lab, report_of):
    report = report_of(lab, "solution.py")
    for span in report.timeline:
        assert span.parts, f"nothing is known of {span.task}"
        runs = [part for part in span.parts if part.kind == "run"]
        assert runs and all(part.last == part.first + 1 for part in runs)
        for part in span.parts:
            assert part.kind in ("run", "ready", "wait", "cancel")
            assert span.start - 1e-6 <= part.start <= part.end <= span.end + 1e-6
            assert (part.kind == "wait") == bool(part.what), part
        between = [part for part in span.parts if part.kind != "cancel"]
        for before, after in zip(between, between[1:], strict=False):
            assert (before.end, before.last) <= (after.start, after.first)
    waits = {part.what for span in report.timeline for part in span.parts if part.kind == "wait"}
    assert waits, "no task waits for anything"


@pytest.mark.parametrize("lab", LABS.values(), ids=LABS)
def test_has_wrong_answers_and_hints(lab):
    assert len(list((lab.folder / "wrong").glob("*.py"))) >= 4
    assert lab.hints and all(lab.hints)
    assert 1 <= lab.difficulty <= 3 and lab.kind in ("exercise", "project")
    assert lab.readme.startswith(f"# {lab.title}\n")
    assert lab.summary.endswith(".")
