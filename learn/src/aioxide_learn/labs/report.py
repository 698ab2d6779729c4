"""What a check of a learner's file finds out."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Check:
    """One thing that the lab asks for.

    Attributes:
        name: what is asked for, as a sentence.
        passed: whether the learner's file does it.
        message: why not, and what to do; empty if it passed.
    """

    name: str
    passed: bool
    message: str = ""


@dataclass(frozen=True)
class Part:
    """One part of a task's life, as aioxide's recorder saw it.

    A moment is told by the virtual time, and by how many steps of the shown tasks had been run: on
    a virtual clock running takes no time.

    Attributes:
        kind: ``run``, ``ready``, ``wait``, or ``cancel``, the moment of a request to cancel.
        start, end: seconds.
        first, last: steps.
        what: of a wait, what for, in words.
    """

    kind: str
    start: float
    end: float
    first: int
    last: int
    what: str = ""


@dataclass(frozen=True)
class Span:
    """The life of one task of the learner's own run, in seconds of the virtual clock.

    Attributes:
        task: the task's name.
        coroutine: the qualified name of its coroutine.
        start, end: when it was made and when it ended; `end` is the end of the run for a task
            that is still pending.
        state: ``done``, ``failed``, ``cancelled`` or ``pending``.
        parts: what it did; empty if that is not known.
    """

    task: str
    coroutine: str
    start: float
    end: float
    state: str
    parts: list[Part] = field(default_factory=list)


@dataclass(frozen=True)
class Finding:
    """A well-known mistake that was seen while the file ran.

    Attributes:
        kind: ``forgotten-await``, ``blocking-call``, ``task-left``, ``exception-lost``,
            ``not-closed``, ``stuck`` or ``limit``; or the name of one of aioxide's lints, as
            ``cancellation-swallowed`` and ``queue-grows``.
        message: what was seen and what to do.
        line: the line of the learner's file; 0 if it is not known.
    """

    kind: str
    message: str
    line: int = 0


@dataclass
class Report:
    """The result of one check of one file.

    Attributes:
        lab: the lab's name.
        checks: in the order in which the lab asks for them.
        output: what the file printed, cut after 64 KiB.
        timeline: the tasks of the run that the lab shows.
        findings: each mistake once.
    """

    lab: str
    checks: list[Check] = field(default_factory=list)
    output: str = ""
    timeline: list[Span] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    def to_dict(self) -> dict:
        """Return the report as values that JSON has."""
        return {"passed": self.passed, **asdict(self)}
