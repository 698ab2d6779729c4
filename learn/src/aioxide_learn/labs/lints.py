"""aioxide's lints, on the virtual time of a run."""

from __future__ import annotations

from aioxide import introspect
from aioxide.lints import Finding
from aioxide.lints._patrol import Patrol

from .findings import Findings

#: Virtual seconds between two looks, as `aioxide.watch()` has real ones; and how many at most.
PERIOD, MOST_LOOKS = 1.0, 300
#: Not told: a lock that is held for a second may be what the lab asks for.
_LEFT_OUT = {"lock-held", "slow-shutdown"}
#: Lints that find what `Findings` finds with a better line, and its name for that.
_KNOWN = {
    "exception-not-retrieved": "exception-lost",
    "never-awaited": "forgotten-await",
    "never-closed": "not-closed",
    "task-dropped": "task-left",
}


class Lints:
    """The lints of one run; what they find in the learner's file is added to `findings`."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._patrol = Patrol()
        self._next = 0.0
        self._left = MOST_LOOKS

    def look(self, now: float) -> None:
        """Look at all tasks, unless it was done less than a second before.

        Arguments:
            now: the virtual time.
        """
        if now < self._next or not self._left:
            return
        self._next, self._left = now + PERIOD, self._left - 1
        path = self._findings.path
        for found in self._patrol.look(now):
            kind = _KNOWN.get(found.lint, found.lint)
            line = self._line_of(found)
            is_known = any(each.kind == kind for each in self._findings.seen)
            if line and not is_known and found.lint not in _LEFT_OUT:
                text = str(found).replace(f"{path}:", "line ")
                self._findings.add(kind, f"{text[:1].upper()}{text[1:]}", line)

    def _line_of(self, found: Finding) -> int:
        """Return the line of the learner's file that a finding is about; 0 if it is about none."""
        path = self._findings.path
        if found.place is not None and found.place.file == path:
            return found.place.line
        # The task may be in a coroutine of the check's that the file has been given.
        for task in introspect.tasks():
            if repr(task.name) in found.sentence:
                for place in reversed(task.stack):
                    if place.file == path:
                        return place.line
        return 0
