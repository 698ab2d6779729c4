"""Measures how the cost of an operation grows with how much there is of everything.

    python benches/growth.py [--quick] [--only SUBJECT,SUBJECT] [--rounds N]

Every sample is a process of its own, as in ``run.py``. ``benches/README.md``
says what is measured.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import growth_chart
import loops
import machine
import publish
import selection
from loops import FLOOR
from ratios import OURS
from run import HERE, positive, run_sample
from workloads.sampling import Sampling

ROUNDS = 3

#: The loops that are compared; the last is aioxide without the cyclic garbage collector.
COLLECTOR_OFF = "aioxide, collector off"
LOOPS = ("asyncio", "uvloop", OURS, COLLECTOR_OFF)

#: The dearest size may cost this many times what the cheapest costs.
FLAT = 2.0

#: Seconds after which a sample is given up.
PATIENCE = 300


@dataclass(frozen=True)
class Subject:
    """What there is more and more of; `name` is that of the workload too."""

    name: str
    title: str
    sizes: tuple[int, ...] = (1, 100, 10_000, 1_000_000)
    competitors: tuple[str, ...] = LOOPS


SUBJECTS = (
    Subject("tasks", "waking one of the waiting tasks, its end, and another task"),
    Subject("timers", "cancelling one of the pending timers and adding another"),
    Subject("queue_waiters", "an item for one of the tasks that wait for a queue"),
    Subject(
        "tasks_at_once",
        "a task that waits for a future, all of them together",
        (100, 10_000, 1_000_000),
    ),
    Subject(
        "connections",
        "a request of 1 KiB on one of the open connections",
        (10, 1_000, 10_000),
        # The collector has next to nothing to do in a server that echoes.
        ("asyncio", "uvloop", OURS, FLOOR),
    ),
)

Curve = dict[int, float]


@dataclass
class Growth:
    """The samples of a run, in nanoseconds."""

    subjects: tuple[Subject, ...]
    samples: dict[tuple[str, str, int], list[float]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def curve(self, subject: Subject, loop: str) -> Curve:
        """The median for each size of `subject` on `loop`."""
        return {
            size: statistics.median(values)
            for size in subject.sizes
            if (values := self.samples.get((subject.name, loop, size)))
        }

    def as_json(self) -> list[dict[str, Any]]:
        """Every subject with its samples, its curves and whether they are flat."""
        return [
            {
                "name": subject.name,
                "title": subject.title,
                "loops": {
                    loop: {
                        "ns": self.curve(subject, loop),
                        "samples": {
                            size: self.samples.get((subject.name, loop, size), [])
                            for size in subject.sizes
                        },
                        "dearest_to_cheapest": spread(self.curve(subject, loop)),
                    }
                    for loop in subject.competitors
                },
                "verdict": verdict(self.curve(subject, OURS)),
            }
            for subject in self.subjects
        ]


def spread(curve: Curve) -> float | None:
    """The dearest size's cost divided by the cheapest's; None without two sizes."""
    return max(curve.values()) / min(curve.values()) if len(curve) > 1 else None


def verdict(curve: Curve) -> str:
    """``ok`` if a curve is flat within `FLAT`, else ``short``; ``–`` if it is none."""
    reached = spread(curve)
    if reached is None:
        return "–"
    return "ok" if reached <= FLAT else "short"


def markdown(growth: Growth, facts_line: str) -> str:
    """A line for each subject and loop."""
    sizes = sorted({size for subject in growth.subjects for size in subject.sizes})
    head = [
        "ns of processor time",
        "",
        *(f"{size:,}" for size in sizes),
        "dearest : cheapest",
        f"flat within {FLAT:g} ×",
    ]
    lines = [head, ["---", "---", *["---:"] * (len(sizes) + 1), "---"]]
    for subject in growth.subjects:
        for loop in subject.competitors:
            curve = growth.curve(subject, loop)
            reached = spread(curve)
            lines.append(
                [
                    subject.title if loop == subject.competitors[0] else "",
                    loop,
                    *(f"{curve[size]:,.0f}" if size in curve else "–" for size in sizes),
                    "–" if reached is None else f"{reached:.2f} ×",
                    verdict(curve) if loop == OURS else "",
                ]
            )
    rows = ["| " + " | ".join(cells) + " |" for cells in lines]
    return "\n".join([*rows, "", f"Measured: {facts_line}.", ""])


def plan(
    rounds: int, subjects: Sequence[Subject], installed: Sequence[str]
) -> Iterator[tuple[Subject, int, str]]:
    """Subject, size and loop of every sample; the loops follow each other at once."""
    for _ in range(rounds):
        for subject in subjects:
            for size in subject.sizes:
                for loop in subject.competitors:
                    if loop == FLOOR or module(loop) in installed:
                        yield subject, size, loop


def module(loop: str) -> str:
    """The module that a competitor comes from."""
    return OURS if loop == COLLECTOR_OFF else loop


def measure(growth: Growth, rounds: int, quick: bool, installed: Sequence[str]) -> None:
    """Takes all samples of a run into `growth`."""
    for subject, size, loop in plan(rounds, growth.subjects, installed):
        if sys.stderr.isatty():
            print(f"\r\033[K{size} {subject.name} on {loop}", end="", file=sys.stderr, flush=True)
        arguments = ["growth.py", "--sample", subject.name, str(size), loop]
        taken = run_sample([*arguments, *["--quick"] * quick], PATIENCE)
        if taken.value is None:
            growth.failures.append(f"{size} {subject.name} on {loop} failed: {taken.error}")
        else:
            growth.samples.setdefault((subject.name, loop, size), []).append(taken.value)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def sample(name: str, size: int, loop: str, quick: bool) -> None:
    """Takes one sample in this process and prints it as JSON."""
    if loop != FLOOR:
        loops.put_in_place(module(loop))
    from workloads import growing

    if loop == COLLECTOR_OFF:
        gc.collect()
        gc.freeze()
        gc.disable()
    sampling = (Sampling.quick if quick else Sampling)(module(loop))
    measurement = getattr(growing, name)(sampling, size)
    print(json.dumps({"value": measurement.value, **measurement.details}))


def choose(names: str | None) -> tuple[Subject, ...]:
    """The subjects of a comma-separated list, or all of them for None.

    Raises:
        ValueError: a name belongs to no subject; the message says which.
    """
    return selection.choose(SUBJECTS, names, "subject")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Measure how costs grow with the number of tasks, timers, connections.",
        epilog="Subjects: " + ", ".join(subject.name for subject in SUBJECTS),
    )
    parser.add_argument("--only", metavar="SUBJECT,SUBJECT", help="some subjects instead of all")
    parser.add_argument("--rounds", type=positive, metavar="N", help=f"[{ROUNDS}]")
    parser.add_argument("--quick", action="store_true", help="one round of short samples")
    parser.add_argument(
        "--results",
        type=Path,
        metavar="DIR",
        help="where to write [results; results/partial unless everything is measured]",
    )
    parser.add_argument("--sample", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    try:
        options.subjects = choose(options.only)
    except ValueError as error:
        parser.error(str(error))
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints and writes; 1 if a sample failed."""
    options = parse(arguments)
    if options.sample:
        name, size, loop = options.sample
        sample(name, int(size), loop, options.quick)
        return 0
    installed = tuple(loop for loop in loops.LOOPS if loops.is_installed(loop))
    measured = tuple(loop for loop in installed if loop in LOOPS)
    facts = machine.facts(measured)
    facts["settings"] = {
        "command": publish.command("growth", sys.argv[1:] if arguments is None else arguments)
    }
    growth = Growth(options.subjects)
    measure(growth, options.rounds or (1 if options.quick else ROUNDS), options.quick, installed)

    facts_line = machine.one_line(facts)
    print(markdown(growth, facts_line))
    for failure in growth.failures:
        print(f"  {failure}")
    complete = options.subjects == SUBJECTS and len(measured) == 3 and not options.quick
    where = options.results or publish.directory(HERE / "results", complete)
    where.mkdir(parents=True, exist_ok=True)
    text = json.dumps({**facts, "subjects": growth.as_json()}, indent=1, ensure_ascii=False)
    (where / "growth.json").write_text(text + "\n", encoding="utf-8")
    (where / "growth.md").write_text(markdown(growth, facts_line), encoding="utf-8")
    if growth_chart.is_possible():
        growth_chart.draw(growth, facts_line, where)
    else:
        print("matplotlib is not installed: no chart", file=sys.stderr)
    print(f"written to {os.path.relpath(where)}")
    if where in (HERE / "results", *publish.other_folders(HERE / "results")):
        publish.publish(HERE / "results")
    return 1 if growth.failures else 0


if __name__ == "__main__":
    sys.exit(main())
