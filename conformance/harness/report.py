"""Says what a run has shown, as text for people and as JSON for programs."""

import platform
import sys
from collections.abc import Sequence

from .baseline import ModuleBaseline
from .outcomes import ERROR, NOT_PASSED, PASSED, CaseOutcome
from .verdict import ModuleVerdict

_LONGEST_LINE = 160


def module_line(verdict: ModuleVerdict) -> str:
    """One line: how many of a module's counted tests ended in which way."""
    outcomes = verdict.outcomes
    others = ", ".join(
        f"{outcomes[kind]} {_plural(kind, outcomes[kind])}" for kind in NOT_PASSED if outcomes[kind]
    )
    line = f"{verdict.name:<24}{outcomes[PASSED]:>5} of {len(verdict.counted):>5} passed"
    line += f"  {verdict.seconds:7.1f} s"
    return f"{line}  {others}" if others else line


def baseline_line(name: str, baseline: ModuleBaseline) -> str:
    """One line: what the standard asyncio passes of a module."""
    without = len(baseline.without_a_loop)
    return f"{name:<24}{len(baseline.passed):>5} passed, {without} of them without any loop"


def test_line(test: CaseOutcome) -> str:
    """One line: a test, how it ended and why."""
    reason = _shortened(test.reason)
    return f"{test.outcome:<8} {test.test}" + (f"  {reason}" if reason else "")


def closing_text(verdicts: Sequence[ModuleVerdict], unused_patterns: Sequence[str]) -> str:
    """The lists of what did not go as it should, and the total."""
    parts = []
    unexpected = [test_line(t) for v in verdicts for t in v.unexpected]
    parts += _section("Not passed", unexpected)
    unsteady = [
        f"{test.test}, at first {test.first_failure}"
        for verdict in verdicts
        for test in verdict.counted
        if test.first_failure
    ]
    parts += _section("Passed only when run again", [_shortened(line) for line in unsteady])
    known = [f"{test_line(t)}\n         known: {why}" for v in verdicts for t, why in v.known]
    parts += _section("Not passed, as listed in known_failures.toml", known)
    passing = [t.test for v in verdicts for t in v.passing_though_listed]
    parts += _section("Passing, though listed in known_failures.toml", passing)
    parts += _section("Patterns in known_failures.toml without a test", unused_patterns)
    trouble = [f"{v.name}: {line}" for v in verdicts for line in v.trouble]
    parts += _section("Outside the counted tests", trouble)
    return "\n".join([*parts, total_line(verdicts)])


def total_line(verdicts: Sequence[ModuleVerdict]) -> str:
    totals = _totals(verdicts)
    line = (
        f"{totals['passed']} of {totals['counted']} tests passed "
        f"({_percent(totals['passed'], totals['counted'])}); of the "
        f"{totals['loop_tests']} that exercise the loop, {totals['loop_tests_passed']} "
        f"({_percent(totals['loop_tests_passed'], totals['loop_tests'])})"
    )
    if totals["known"]:
        line += f"; {totals['known']} known failures"
    return line


def as_json(
    verdicts: Sequence[ModuleVerdict],
    unused_patterns: Sequence[str],
    *,
    loop: str,
    loop_version: str,
) -> dict:
    """Everything that the text says and each counted test, for programs."""
    return {
        "loop": loop,
        "loop_version": loop_version,
        "python": platform.python_version(),
        "interpreter": sys.version,
        "platform": platform.platform(),
        "totals": _totals(verdicts),
        "unused_patterns": list(unused_patterns),
        "modules": {v.name: _module_as_json(v) for v in verdicts},
    }


def _module_as_json(verdict: ModuleVerdict) -> dict:
    known = {test.test: why for test, why in verdict.known}
    return {
        "seconds": round(verdict.seconds, 3),
        "counted": len(verdict.counted),
        "outcomes": dict(verdict.outcomes),
        "loop_tests": verdict.loop_tests,
        "loop_tests_passed": verdict.loop_tests_passed,
        "passing_though_listed": [t.test for t in verdict.passing_though_listed],
        "trouble": verdict.trouble,
        "tests": {
            test.test: {
                "outcome": test.outcome,
                "seconds": test.seconds,
                "reason": test.reason,
                "details": test.details,
                "first_failure": test.first_failure,
                "known": known.get(test.test),
            }
            for test in verdict.counted
        },
    }


def _totals(verdicts: Sequence[ModuleVerdict]) -> dict[str, int]:
    return {
        "counted": sum(len(v.counted) for v in verdicts),
        "passed": sum(v.outcomes[PASSED] for v in verdicts),
        "loop_tests": sum(v.loop_tests for v in verdicts),
        "loop_tests_passed": sum(v.loop_tests_passed for v in verdicts),
        "known": sum(len(v.known) for v in verdicts),
        "unexpected": sum(len(v.unexpected) for v in verdicts),
    }


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 1] + "…"


def _section(title: str, lines: Sequence[str]) -> list[str]:
    if not lines:
        return []
    return [f"{title} ({len(lines)}):", *(f"  {line}" for line in lines), ""]


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "none"


def _plural(kind: str, count: int) -> str:
    return "errors" if kind == ERROR and count != 1 else kind
