"""What a run of the tests yields, before anything is judged."""

from dataclasses import dataclass, field, replace

PASSED = "passed"
FAILED = "failed"
ERROR = "error"
SKIPPED = "skipped"
HUNG = "hung"
CRASHED = "crashed"

#: In the order in which a report names them.
NOT_PASSED = (FAILED, ERROR, SKIPPED, HUNG, CRASHED)


@dataclass
class CaseOutcome:
    """How one test ended.

    Attributes:
        test: its id, ``test_tasks.SleepTests.test_sleep``.
        counterpart: the id under which the baseline knows it.
        outcome: one of the constants of this module.
        reason: one line; empty when it passed.
        details: a traceback, or the stacks where it hung or crashed; may be empty.
        seconds: how long it took.
        first_failure: why it failed at first, if it passed when run again.
    """

    test: str
    counterpart: str
    outcome: str
    reason: str = ""
    details: str = ""
    seconds: float = 0.0
    first_failure: str = ""


@dataclass
class ModuleOutcome:
    """How one test module ended.

    Attributes:
        name: ``test_tasks``.
        tests: by id.
        trouble: what went wrong outside the tests, one line each: an import
            that fails, a process that does not end.
        seconds: from the start of its first process to the end of its last.
    """

    name: str
    tests: dict[str, CaseOutcome] = field(default_factory=dict)
    trouble: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def take_over_passes(self, again: "ModuleOutcome") -> None:
        """Take those tests as passed that have passed in a second run."""
        for name, test in again.tests.items():
            if test.outcome == PASSED:
                first = self.tests[name]
                why = f"{first.outcome}: {first.reason}"
                self.tests[name] = replace(test, first_failure=why)
        self.trouble += again.trouble
