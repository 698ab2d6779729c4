"""What the two runs of a program say about aioxide."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .catalogue import Program
from .records import alarms, novelties
from .supervision import Run

__all__ = ("ENVIRONMENT", "FAILED", "PASSED", "UNAVAILABLE", "Verdict", "judge", "unavailable")

PASSED = "passed"
FAILED = "FAILED"
# It fails on the standard loop as well, so it says nothing about aioxide.
ENVIRONMENT = "fails on the standard loop"
# What it needs could not be had.
UNAVAILABLE = "not available"
# Characters of a value that differs.
MOST_SHOWN = 300


@dataclass(frozen=True)
class Verdict:
    """A program's line in the table."""

    program: Program
    version: str
    result: str
    # Why it did not pass, a line each.
    reasons: list[str] = field(default_factory=list)
    control: Run | None = None
    tried: Run | None = None

    @property
    def counts_against_us(self) -> bool:
        return self.result == FAILED


def unavailable(program: Program, version: str, reason: str) -> Verdict:
    """The verdict on a program that could not be tried."""
    return Verdict(program, version, UNAVAILABLE, [reason])


def judge(program: Program, version: str, control: Run | None, tried: Run | None) -> Verdict:
    """Compare a run with its control.

    Args:
        program: what ran.
        version: of the library, or of Python.
        control: the run on the standard loop; None if only the other one was asked for.
        tried: the run on aioxide; None if the control failed or only the control was asked for.
    """
    if control is not None and control.error is not None:
        reason = f"on the standard loop: {control.error}"
        return Verdict(program, version, ENVIRONMENT, [reason], control, tried)
    if tried is None:
        return Verdict(program, version, PASSED, [], control, tried)
    reasons = [tried.error] if tried.error is not None else []
    reasons += alarms(tried.records)
    if control is not None:
        reasons += novelties(control.records, tried.records, tried.loop)
        if tried.error is None and tried.steps != control.steps:
            reasons.append("it did not do the same as on the standard loop")
        if tried.error is None:
            reasons += differing_facts(control, tried)
    return Verdict(program, version, FAILED if reasons else PASSED, reasons, control, tried)


def differing_facts(control: Run, tried: Run) -> list[str]:
    """What came out differently on the loop that was tried, in words."""
    if [what for what, _ in tried.facts] != [what for what, _ in control.facts]:
        return ["it did not find out about the same things as on the standard loop"]
    return [
        f"{what}: {shortened(mine)}, on the standard loop {shortened(theirs)}"
        for (what, mine), (_, theirs) in zip(tried.facts, control.facts, strict=True)
        if mine != theirs
    ]


def shortened(value: Any) -> str:
    """A value in one line."""
    text = str(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"
