"""Runs one test module in processes of its own and survives what they do."""

import json
import os
import selectors
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .event_stream import EventReader
from .outcomes import CRASHED, ERROR, HUNG, SKIPPED, CaseOutcome, ModuleOutcome

_HERE = Path(__file__).resolve().parent.parent
_PROGRAM = _HERE / "run_module.py"

sys.path.append(str(_HERE.parent / "supervision"))

from process_group import ProcessGroup, exit_in_words  # noqa: E402

# The process under test ends itself at the deadline. Only one that cannot do
# even that (stopped, or stuck in the kernel) is killed from here, this later.
_SECONDS_AFTER_THE_DEADLINE = 10.0

# How often to look whether a silent process has ended. Its pipe may outlive it
# in the hands of a forked child, so the pipe's end cannot be relied upon.
_SECONDS_BETWEEN_LOOKS = 0.2

# These make asyncio or the tests behave differently from a plain run.
_VARIABLES_LEFT_OUT = ("PYTHONASYNCIODEBUG", "PYTHONDEVMODE", "PYTHONWARNINGS")


class Stopped(Exception):
    """The run was called off; its outcome is unknown."""


@dataclass(frozen=True)
class Assignment:
    """What to run.

    Attributes:
        module: ``test_tasks``.
        loop: a name that ``loops.load`` knows, or ``loops.UNTOUCHED``.
        deadline: seconds for one test.
        only: patterns of test ids; empty for all tests.
        log: file that takes what the tests print.
        stop: once set, no process is started any more and the one that runs is
            killed.
    """

    module: str
    loop: str
    deadline: float
    only: Sequence[str]
    log: Path
    stop: threading.Event


def run_module(
    assignment: Assignment, report: Callable[[CaseOutcome], None] = lambda outcome: None
) -> ModuleOutcome:
    """Run a module to its last test, in a new process after each that dies.

    Args:
        assignment: what to run.
        report: called with each test's outcome as it becomes known.

    Raises:
        Stopped: the assignment's ``stop`` was set.
    """
    outcome = ModuleOutcome(assignment.module)
    began = time.monotonic()
    assignment.log.parent.mkdir(parents=True, exist_ok=True)
    with open(assignment.log, "wb") as log:
        while True:
            known_before = len(outcome.tests)
            process = _Process(assignment, outcome, report, log)
            process.run()
            if process.finished:
                break
            if len(outcome.tests) == known_before:
                break  # the next process would not come any further
    for lost in process.tests_without_an_outcome():
        outcome.tests[lost.test] = lost
        report(lost)
    outcome.seconds = time.monotonic() - began
    return outcome


class _Process:
    """One process that runs what is left of a module."""

    def __init__(
        self,
        assignment: Assignment,
        outcome: ModuleOutcome,
        report: Callable[[CaseOutcome], None],
        log,
    ) -> None:
        self._assignment = assignment
        self._outcome = outcome
        self._report = report
        self._log = log
        self._collected: dict[str, str] = {}
        self._fixtures: list[dict] = []
        self._current: str | None = None
        self._last_sign = time.monotonic()
        self._killed = False
        self._status = 0
        self._stacks = ""
        self.finished = False

    def run(self) -> None:
        with tempfile.TemporaryDirectory(prefix="conformance-") as name:
            folder = Path(name)
            (folder / "work").mkdir()
            (folder / "leave-out.json").write_text(json.dumps(list(self._outcome.tests)))
            reading, writing = os.pipe()
            try:
                try:
                    group = self._start(folder, writing)
                finally:
                    os.close(writing)
                try:
                    self._listen(group, reading)
                finally:
                    group.end()
                    self._status = group.status
            finally:
                os.close(reading)
            stacks = folder / "stacks.txt"
            if stacks.exists():
                self._stacks = stacks.read_text(errors="replace")
        self._account_for_the_end()

    def tests_without_an_outcome(self) -> list[CaseOutcome]:
        """The tests that never started: a fixture failed, or the process did."""
        lost = []
        for test, counterpart in self._collected.items():
            if test not in self._outcome.tests:
                kind, reason = self._why_it_never_started(test)
                lost.append(CaseOutcome(test, counterpart, kind, reason))
        return lost

    def _start(self, folder: Path, writing: int) -> ProcessGroup:
        a = self._assignment
        command = [sys.executable, str(_PROGRAM), "--loop", a.loop, "--module", a.module]
        command += ["--events", str(writing), "--deadline", str(a.deadline)]
        command += ["--stacks", str(folder / "stacks.txt")]
        command += ["--leave-out", str(folder / "leave-out.json")]
        for pattern in a.only:
            command += ["--only", pattern]
        environment = {k: v for k, v in os.environ.items() if k not in _VARIABLES_LEFT_OUT}
        return ProcessGroup(
            command,
            folder=folder / "work",
            environment=environment,
            output=self._log,
            pass_fds=(writing,),
        )

    def _listen(self, group: ProcessGroup, reading: int) -> None:
        """Take events until the process has ended or is overdue."""
        os.set_blocking(reading, False)
        events = EventReader()
        with selectors.DefaultSelector() as selector:
            selector.register(reading, selectors.EVENT_READ)
            while True:
                if self._assignment.stop.is_set():
                    raise Stopped
                ended = group.status is not None
                if selector.select(0 if ended else _SECONDS_BETWEEN_LOOKS):
                    chunk = os.read(reading, 65536)
                    for event in events.feed(chunk):
                        self._take(event)
                    if not chunk:
                        selector.unregister(reading)
                elif ended:
                    return
                elif self._overdue():
                    self._killed = True
                    return

    def _overdue(self) -> bool:
        silence = time.monotonic() - self._last_sign
        return silence > self._assignment.deadline + _SECONDS_AFTER_THE_DEADLINE

    def _take(self, event: dict) -> None:
        self._last_sign = time.monotonic()
        kind = event["event"]
        if kind == "collected":
            self._collected = dict(event["tests"])
        elif kind == "started":
            self._current = event["test"]
        elif kind == "ended":
            self._current = None
            self._settle(
                event["test"],
                event["outcome"],
                event["reason"],
                event["details"],
                event["seconds"],
            )
        elif kind == "fixture":
            self._fixtures.append(event)
            if event["outcome"] != SKIPPED:
                self._outcome.trouble.append(f"{event['where']}: {event['reason']}")
        elif kind == "broken":
            self.finished = True
            self._outcome.trouble.append(f"cannot be imported: {event['reason']}")
            self._log.write(event["details"].encode())
        elif kind in ("skipped", "finished"):
            self.finished = True

    def _settle(self, test, outcome, reason="", details="", seconds=0.0) -> None:
        counterpart = self._collected[test]
        settled = CaseOutcome(test, counterpart, outcome, reason, details, seconds)
        self._outcome.tests[test] = settled
        self._report(settled)

    def _account_for_the_end(self) -> None:
        """Say what became of the test that was running, or of a late exit."""
        if self._current is not None:
            if self._hung():
                deadline = self._assignment.deadline
                reason = f"no end within {deadline:g} s"
                self._settle(self._current, HUNG, reason, self._stacks, deadline)
            else:
                reason = exit_in_words(self._status)
                self._settle(self._current, CRASHED, reason, self._stacks)
        elif not self.finished:
            self._outcome.trouble.append(f"outside the tests, {self._how_it_ended()}")
        elif self._hung() or self._status != 0:
            self._outcome.trouble.append(f"after the last test, {self._how_it_ended()}")

    def _how_it_ended(self) -> str:
        if self._hung():
            return f"no sign of life for {self._assignment.deadline:g} s"
        return f"the process ended: {exit_in_words(self._status)}"

    def _hung(self) -> bool:
        # A crash leaves stacks as well; faulthandler says of which kind they are.
        return self._killed or self._stacks.startswith("Timeout")

    def _why_it_never_started(self, test: str) -> tuple[str, str]:
        class_name = test.split(".")[1]
        for event in self._fixtures:
            if "Class" not in event["where"] or f".{class_name})" in event["where"]:
                kind = SKIPPED if event["outcome"] == SKIPPED else ERROR
                return kind, f"{event['where']}: {event['reason']}"
        return ERROR, "never started: " + "; ".join(self._outcome.trouble)
