"""Many programs in several processes, for some time, and what they find."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import program
import shrinking
from isolation import Counter, Outcome, run_isolated

#: Seconds that one program may take. It takes a hundredth of that, mostly.
DEADLINE = 10.0
#: Of one kind of fault so many are looked at; it is the first that gets mended.
MOST_OF_A_KIND = 1


def ignore(number: int) -> None:
    """Count nothing."""


@dataclass(frozen=True)
class Finding:
    """A program that ends as none may.

    failure: what is wrong, in one line.
    reproduce: arguments of run.py that run it again.
    trace: what the shrunk program calls.
    """

    failure: str
    reproduce: str
    trace: str


@dataclass(frozen=True)
class Case:
    """One program, or some steps of it."""

    seed: int
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    steps: frozenset[int] | None = None

    def run(
        self, kind: str = "aioxide", trace: bool = False, count: Callable[[int], None] | None = None
    ) -> Outcome:
        """Run it in a process of its own."""

        def run() -> None:
            made = program.Program(
                self.seed, kind, self.only, self.without, self.steps, trace, count or ignore
            )
            made.run()

        return run_isolated(run, DEADLINE)

    @property
    def arguments(self) -> str:
        parts = [f"--reproduce {self.seed}"]
        if self.only:
            parts.append(f"--only {','.join(self.only)}")
        if self.without:
            parts.append(f"--without {','.join(self.without)}")
        if self.steps is not None:
            parts.append(f"--steps {','.join(map(str, sorted(self.steps))) or 'none'}")
        return " ".join(parts)


def same_kind(first: str | None, second: str | None) -> bool:
    """Whether two failures are of the same kind: a crash, a panic, a hang or a wrong answer."""
    if first is None or second is None:
        return first is second
    return first.partition(":")[0].split(" by ")[0] == second.partition(":")[0].split(" by ")[0]


def asyncio_fails_too(case: Case, failure: str) -> bool:
    """Whether the same program is too much for asyncio as well.

    A panic is never excused: asyncio has none.
    """
    if failure.startswith(("panic", "sanitizer: stack-overflow /")):
        return False
    answer = case.run("asyncio").failure
    return answer is not None and (
        same_kind(answer, failure) or (is_crash(answer) and is_crash(failure))
    )


def is_crash(failure: str) -> bool:
    return failure.startswith(("sanitizer", "killed", "SIG"))


def examine(case: Case, outcome: Outcome) -> Finding | None:
    """Shrink a failing program; None if asyncio fails at it, too, or if it fails by chance."""
    failure = outcome.failure
    assert failure is not None
    if asyncio_fails_too(case, failure):
        return None
    made = program.Program(case.seed, "aioxide", case.only, case.without)
    steps = frozenset(made.all_steps)

    def fails(kept: frozenset[int]) -> bool:
        shorter = Case(case.seed, case.only, case.without, kept)
        answer = shorter.run().failure
        return answer is not None and same_kind(answer, failure)

    attempts = 5 if failure == "hang" else 20 if made.threaded else 120
    if not any(fails(steps) for _ in range(5 if made.threaded else 2)):
        if failure == "hang":
            return None  # The machine was busy.
        note = "# it did not fail again; threads decide, or time\n"
        return Finding(failure, case.arguments, note + outcome.output[-6000:])
    kept = shrinking.shrink(steps, fails, attempts)
    shrunk = Case(case.seed, case.only, case.without, kept)
    if asyncio_fails_too(shrunk, failure):
        return None
    return Finding(failure, shrunk.arguments, traced(shrunk, outcome))


def traced(case: Case, outcome: Outcome) -> str:
    """The calls of a program up to its failure; what it wrote before, if it fails no more.

    Writing the calls takes memory and time, which a fault may depend on.
    """
    for _ in range(3):
        again = case.run(trace=True)
        if again.failure is not None:
            return again.output[-20_000:]
    return "# with its calls written it did not fail\n" + outcome.output[-6000:]


def search(
    seeds: Iterator[int],
    until: float,
    only: tuple[str, ...],
    without: tuple[str, ...],
    counters: tuple[Counter, Counter],
    report: Callable[[Finding], None],
) -> None:
    """Run programs of these seeds until that time (of `time.monotonic`)."""
    programs, calls = counters
    seen: dict[str, int] = {}
    for seed in seeds:
        if time.monotonic() > until:
            break
        case = Case(seed, only, without)
        outcome = case.run(count=calls.add)
        programs.add(1)
        if outcome.failure is None:
            continue
        kind = outcome.failure
        seen[kind] = seen.get(kind, 0) + 1
        if seen[kind] > MOST_OF_A_KIND and not kind.startswith("killed"):
            continue
        if seen[kind] > 8:
            continue
        finding = examine(case, outcome)
        if finding is None:
            seen[kind] -= 1
        else:
            report(finding)


def in_processes(
    jobs: int, work: Callable[[int, Callable[[Finding], None]], None]
) -> list[Finding]:
    """Call `work` in so many processes, each with its number and a way to report.

    A finding is printed when it comes; those of all are returned.
    """
    children = []
    for number in range(jobs):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)

            def report(finding: Finding, writing: int = writing) -> None:
                os.write(writing, (json.dumps(asdict(finding)) + "\n").encode())

            try:
                work(number, report)
            except SystemExit:
                # A program of this process's children, on its way through the interpreter's end.
                raise
            except BaseException:
                import traceback

                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        os.close(writing)
        children.append((child, reading))
    findings: list[Finding] = []
    broken = 0
    for child, reading in children:
        with open(reading, encoding="utf-8") as lines:
            for line in lines:
                findings.append(Finding(**json.loads(line)))
                show(findings[-1])
        broken += os.waitpid(child, 0)[1] != 0
    if broken:
        print(f"fuzz-api: {broken} of the searching processes broke off", file=sys.stderr)
        raise SystemExit(2)
    return findings


def show(finding: Finding) -> None:
    """Print a finding with what is needed to see it again."""
    print(f"\nFAILED: {finding.failure}")
    print(f"again: fuzz/run.py {finding.reproduce}")
    print("\n".join(f"    {line}" for line in finding.trace.splitlines()), flush=True)
