"""How outcomes are judged: by what the standard asyncio passes, and the list."""

from harness import report
from harness.baseline import Baseline, ModuleBaseline
from harness.known_failures import KnownFailure, KnownFailures
from harness.outcomes import CRASHED, ERROR, FAILED, PASSED, SKIPPED, CaseOutcome, ModuleOutcome
from harness.verdict import judge

NONE_KNOWN = KnownFailures([], "aioxide", "3.13")


def module(*tests, trouble=()):
    return ModuleOutcome("test_sample", {t.test: t for t in tests}, list(trouble))


def outcome(name, kind, counterpart=None, reason=""):
    test = f"test_sample.{name}"
    return CaseOutcome(test, f"test_sample.{counterpart or name}", kind, reason)


def baseline(*names, without_a_loop=()):
    passed = frozenset(f"test_sample.{name}" for name in names)
    return ModuleBaseline(passed, frozenset(f"test_sample.{n}" for n in without_a_loop))


def known(*patterns, versions=()):
    entry = KnownFailure(patterns, "aioxide", versions, "not yet")
    return KnownFailures([entry], "aioxide", "3.13")


def ids(tests):
    return [test.test.removeprefix("test_sample.") for test in tests]


def test_only_what_the_standard_asyncio_passes_counts():
    run = module(outcome("T.a", PASSED), outcome("T.b", FAILED))
    verdict = judge(run, baseline("T.a"), NONE_KNOWN, complete=True)
    assert ids(verdict.counted) == ["T.a"]
    assert verdict.is_as_expected


def test_a_counted_test_that_skips_itself_has_not_passed():
    verdict = judge(module(outcome("T.a", SKIPPED)), baseline("T.a"), NONE_KNOWN, complete=True)
    assert ids(verdict.unexpected) == ["T.a"]


def test_a_generated_test_counts_if_its_counterpart_does():
    run = module(outcome("Ours.a", FAILED, "Theirs.a"), outcome("Ours.b", FAILED, "Theirs.b"))
    expected = baseline("Theirs.a", without_a_loop=["Theirs.a"])
    verdict = judge(run, expected, NONE_KNOWN, complete=False)
    assert ids(verdict.unexpected) == ["Ours.a"]
    assert verdict.loop_tests == 1  # whether or not its counterpart needs a loop


def test_a_test_that_needs_no_loop_is_counted_apart():
    run = module(outcome("T.a", PASSED), outcome("T.b", PASSED))
    verdict = judge(run, baseline("T.a", "T.b", without_a_loop=["T.b"]), NONE_KNOWN, complete=True)
    assert (len(verdict.counted), verdict.loop_tests, verdict.loop_tests_passed) == (2, 1, 1)


def test_a_listed_failure_is_expected():
    verdict = judge(module(outcome("T.a", FAILED)), baseline("T.a"), known("*.T.a"), complete=True)
    assert verdict.is_as_expected
    assert [(test.test, why) for test, why in verdict.known] == [("test_sample.T.a", "not yet")]


def test_a_listed_test_that_passes_is_unexpected():
    verdict = judge(module(outcome("T.a", PASSED)), baseline("T.a"), known("*.T.a"), complete=True)
    assert ids(verdict.passing_though_listed) == ["T.a"]
    assert not verdict.is_as_expected


def test_a_test_that_never_ran_is_an_error_unless_only_some_were_asked_for():
    expected = baseline("T.a")
    run = module(trouble=["cannot be imported"])
    verdict = judge(run, expected, NONE_KNOWN, complete=True)
    assert [(t.outcome, t.reason) for t in verdict.unexpected] == [
        (ERROR, "never ran: cannot be imported")
    ]
    assert judge(module(), expected, NONE_KNOWN, complete=False).counted == []


def test_the_repetitions_of_a_class_for_other_selectors_are_not_missed():
    expected = baseline("EPollEventLoopTests.a", "PollEventLoopTests.a")
    run = module(outcome("EPollEventLoopTests.a", PASSED))
    verdict = judge(run, expected, NONE_KNOWN, complete=True)
    assert ids(verdict.counted) == ["EPollEventLoopTests.a"]
    assert verdict.is_as_expected


def test_a_crash_is_unexpected_even_where_the_test_does_not_count():
    run = module(outcome("T.a", CRASHED, reason="killed by SIGSEGV"))
    verdict = judge(run, baseline(), NONE_KNOWN, complete=True)
    assert verdict.trouble == ["test_sample.T.a (not counted) killed by SIGSEGV"]


def test_the_report_names_each_number_and_each_failure():
    run = module(
        outcome("T.a", PASSED),
        outcome("T.b", FAILED, reason="AssertionError:\n  1 != 2"),
        outcome("T.c", ERROR, reason="x" * 500),
        outcome("T.d", FAILED),
    )
    verdict = judge(run, baseline("T.a", "T.b", "T.c", "T.d"), known("*.T.d"), complete=True)
    assert "1 of     4 passed" in report.module_line(verdict)
    assert report.module_line(verdict).endswith("2 failed, 1 error")
    text = report.closing_text([verdict], ["*.gone"])
    assert "Not passed (2):\n  failed   test_sample.T.b  AssertionError: 1 != 2\n" in text
    assert "known: not yet" in text
    assert "Patterns in known_failures.toml without a test (1):\n  *.gone" in text
    assert text.endswith(
        "1 of 4 tests passed (25.0 %); of the 4 that exercise the loop, 1 (25.0 %); "
        "1 known failures"
    )
    assert max(len(line) for line in text.splitlines()) < 250
    totals = report.as_json([verdict], [], loop="aioxide", loop_version="1")["totals"]
    assert (totals["passed"], totals["unexpected"], totals["known"]) == (1, 2, 1)


def test_the_baseline_is_measured_once_and_kept(tmp_path):
    runs = []

    def run(name, loop):
        runs.append((name, loop))
        passed = ("T.a", "T.b") if loop == "untouched" else ("T.b",)
        return module(*(outcome(test, PASSED) for test in passed), outcome("T.c", FAILED))

    first = Baseline(tmp_path, run)
    assert first.missing(["test_sample"]) == ["test_sample"]
    first.measure("test_sample")
    first.save()
    again = Baseline(tmp_path, run)
    assert again.missing(["test_sample"]) == []
    assert again.of("test_sample") == baseline("T.a", "T.b", without_a_loop=["T.b"])
    assert runs == [("test_sample", "untouched"), ("test_sample", "no-loop")]
    again.forget(["test_sample"])
    assert again.missing(["test_sample"]) == ["test_sample"]


def test_a_test_that_passes_when_run_again_has_passed_and_is_named():
    run = module(outcome("T.a", FAILED, reason="too late"), outcome("T.b", FAILED))
    run.take_over_passes(module(outcome("T.a", PASSED), outcome("T.b", FAILED)))
    verdict = judge(run, baseline("T.a", "T.b"), NONE_KNOWN, complete=True)
    assert ids(verdict.unexpected) == ["T.b"]
    text = report.closing_text([verdict], [])
    assert "Passed only when run again (1):\n  test_sample.T.a, at first failed: too late\n" in text
