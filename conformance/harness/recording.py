"""A unittest result that reports each test as an event."""

import faulthandler
import gc
import time
import traceback
import unittest
from typing import TextIO

from .event_stream import EventWriter
from .selection import PACKAGE

# A test can report more than once (a failing sub-test, then a failing clean-up):
# the gravest outcome stands.
_GRAVITY = {"passed": 0, "skipped": 1, "failed": 2, "error": 3}


def test_id(test: unittest.TestCase) -> str:
    """The id without the package: ``test_tasks.SleepTests.test_sleep``."""
    return test.id().removeprefix(f"{PACKAGE}.")


class RecordingResult(unittest.TestResult):
    """Reports outcomes and ends the process if a test takes too long.

    Args:
        events: where to report.
        deadline: seconds that one test may take. Past it the process writes all
            threads' stacks to *stacks* and exits without further clean-up: a
            loop that hangs cannot be trusted to unwind.
        stacks: file for the stacks; must have a descriptor.
    """

    def __init__(self, events: EventWriter, deadline: float, stacks: TextIO) -> None:
        super().__init__()
        self._events = events
        self._deadline = deadline
        self._stacks = stacks
        self._outcome: tuple[str, str, str] | None = None
        self._began = 0.0

    def startTest(self, test):
        super().startTest(test)
        if self._outcome is not None and self._outcome[0] != "passed":
            # What a failed test has left open is reported when it is collected,
            # and must not be held against this one.
            gc.collect()
        self._outcome = None
        self._events.write("started", test=test_id(test))
        self._began = time.monotonic()
        self.watch()

    def stopTest(self, test):
        seconds = time.monotonic() - self._began
        outcome, reason, details = self._outcome or (
            "error",
            "the test ended without an outcome",
            "",
        )
        self._events.write(
            "ended",
            test=test_id(test),
            outcome=outcome,
            reason=reason,
            details=details,
            seconds=round(seconds, 4),
        )
        # What lies between two tests (class and module fixtures) has the same
        # deadline: the watch starts anew and never stops.
        self.watch()
        super().stopTest(test)

    def watch(self) -> None:
        """Start the deadline anew."""
        faulthandler.dump_traceback_later(self._deadline, exit=True, file=self._stacks)

    def addSuccess(self, test):
        self._note(test, "passed")

    def addError(self, test, err):
        self._note(test, "error", *_described(err))

    def addFailure(self, test, err):
        self._note(test, "failed", *_described(err))

    def addSkip(self, test, reason):
        self._note(test, "skipped", reason)

    def addExpectedFailure(self, test, err):
        self._note(test, "passed")

    def addUnexpectedSuccess(self, test):
        self._note(test, "failed", "passes, though marked as an expected failure")

    def addSubTest(self, test, subtest, err):
        if err is not None:
            reason, details = _described(err)
            kind = "failed" if issubclass(err[0], test.failureException) else "error"
            self._note(test, kind, f"{subtest._subDescription()} {reason}", details)

    def _note(self, test, outcome: str, reason: str = "", details: str = "") -> None:
        if not isinstance(test, unittest.TestCase):
            # unittest reports a failing setUpClass or setUpModule through an
            # object that only looks like a test.
            self._events.write(
                "fixture", where=str(test), outcome=outcome, reason=reason, details=details
            )
            return
        if self._outcome is None or _GRAVITY[outcome] > _GRAVITY[self._outcome[0]]:
            self._outcome = (outcome, reason, details)


def _described(err: tuple) -> tuple[str, str]:
    """One line that says what was raised and where, and the whole traceback."""
    exception = err[1]
    last_line_of_head = "".join(traceback.format_exception_only(exception)).strip()
    headline = last_line_of_head.splitlines()[0] if last_line_of_head else repr(exception)
    return headline + _place(exception), "".join(traceback.format_exception(exception))


def _place(exception: BaseException) -> str:
    """`` (test_tasks.py:612)``: the innermost line that is a test's own."""
    frames = traceback.extract_tb(exception.__traceback__)
    for frame in reversed(frames):
        if "test_asyncio" in frame.filename:
            return f" ({frame.filename.rpartition('/')[2]}:{frame.lineno})"
    return ""
