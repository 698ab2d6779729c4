"""Judges the outcomes of a run by the baseline and the known failures."""

from collections import Counter
from dataclasses import dataclass, field

from .baseline import ModuleBaseline
from .known_failures import KnownFailures
from .outcomes import CRASHED, ERROR, PASSED, CaseOutcome, ModuleOutcome
from .selection import class_of, classes_taken


@dataclass
class ModuleVerdict:
    """What the tests of one module say about the loop.

    Attributes:
        name: ``test_tasks``.
        seconds: how long the module took.
        counted: the tests that the standard asyncio passes.
        loop_tests: of these, how many need the loop under test, or a class of
            its own, to pass.
        loop_tests_passed: how many of those did.
        known: the expected failures, with the reason from the list.
        unexpected: the other failures.
        passing_though_listed: the list says they fail.
        trouble: what went wrong outside counted tests.
    """

    name: str
    seconds: float
    counted: list[CaseOutcome] = field(default_factory=list)
    loop_tests: int = 0
    loop_tests_passed: int = 0
    known: list[tuple[CaseOutcome, str]] = field(default_factory=list)
    unexpected: list[CaseOutcome] = field(default_factory=list)
    passing_though_listed: list[CaseOutcome] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)

    @property
    def outcomes(self) -> Counter[str]:
        """How many of the counted tests ended in which way."""
        return Counter(test.outcome for test in self.counted)

    @property
    def is_as_expected(self) -> bool:
        return not (self.unexpected or self.passing_though_listed or self.trouble)


def judge(
    outcome: ModuleOutcome,
    baseline: ModuleBaseline,
    known_failures: KnownFailures,
    *,
    complete: bool,
) -> ModuleVerdict:
    """Judge one module.

    Args:
        outcome: what the run yielded.
        baseline: what the standard asyncio passes.
        known_failures: what is expected to fail.
        complete: whether all tests were asked for. If so, a test that the
            baseline passes and that is absent from the run is an error.
    """
    verdict = ModuleVerdict(outcome.name, outcome.seconds, trouble=list(outcome.trouble))
    tests = dict(outcome.tests)
    if complete:
        for lost in _absent(outcome, baseline):
            tests[lost.test] = lost
    for test in tests.values():
        if test.counterpart in baseline.passed:
            _count(verdict, test, baseline, known_failures)
        elif test.outcome == CRASHED:
            # No baseline excuses a loop that takes the process down.
            verdict.trouble.append(f"{test.test} (not counted) {test.reason}")
    return verdict


def _count(
    verdict: ModuleVerdict,
    test: CaseOutcome,
    baseline: ModuleBaseline,
    known_failures: KnownFailures,
) -> None:
    passed = test.outcome == PASSED
    made_for_the_loop = test.counterpart != test.test
    verdict.counted.append(test)
    if made_for_the_loop or test.test not in baseline.without_a_loop:
        verdict.loop_tests += 1
        verdict.loop_tests_passed += passed
    reason = known_failures.reason_for(test.test)
    if passed and reason is not None:
        verdict.passing_though_listed.append(test)
    elif not passed and reason is not None:
        verdict.known.append((test, reason))
    elif not passed:
        verdict.unexpected.append(test)


def _absent(outcome: ModuleOutcome, baseline: ModuleBaseline) -> list[CaseOutcome]:
    classes = classes_taken({class_of(test) for test in baseline.passed})
    why = "; ".join(outcome.trouble) or "the module skips itself on this loop"
    return [
        CaseOutcome(test, test, ERROR, f"never ran: {why}")
        for test in sorted(baseline.passed)
        if class_of(test) in classes and test not in outcome.tests
    ]
