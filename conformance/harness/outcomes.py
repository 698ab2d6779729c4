"""What a run of the tests yields, before anything is judged."""

from dataclasses import dataclass, field

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
    """

    test: str
    counterpart: str
    outcome: str
    reason: str = ""
    details: str = ""
    seconds: float = 0.0


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
