"""The rows: what is measured, and what aioxide is to reach."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import selection

#: Prefix of the names on the command line.
FAMILY: Final = "rust"
#: Stands for the rows of ``python_extensions``.
EXTENSIONS: Final = "extensions"

RUNTIMES: Final = ("aioxide", "tokio", "smol")
#: What does nothing but echo (``benches/native``).
FLOOR: Final = "floor"


@dataclass(frozen=True)
class Row:
    """One line of the table. Each target is what aioxide is to be of another's speed, at least."""

    name: str
    title: str
    unit: str = "ns"
    targets: Mapping[str, float] | None = None
    #: aioxide's number is to be at most this.
    limit: float | None = None
    has_floor: bool = False
    higher_is_better: bool = False
    #: How often each is measured in a round, in turns: where single samples differ more than the
    #: runtimes do, many short ones tell more than a few long ones.
    repeats: int = 1

    def competitors(self) -> tuple[str, ...]:
        return (*RUNTIMES, FLOOR) if self.has_floor else RUNTIMES

    def turns(self, number: int) -> Iterator[str]:
        """Who is measured in the round with this number, from 0, one after the other. Each turn
        begins with another one, so that none is always the first."""
        names = self.competitors()
        for turn in range(self.repeats):
            first = (number * self.repeats + turn) % len(names)
            yield from (*names[first:], *names[:first])

    def times_as_good(self, ours: float, theirs: float) -> float:
        """How many times as good `ours` is as `theirs`."""
        return ours / theirs if self.higher_is_better else theirs / ours


EACH: Final = {"tokio": 0.8, "smol": 0.8}

ROWS: Final = (
    Row("spawn_join", "spawn a task that returns at once, and await it", targets=EACH),
    Row("ping_pong", "a number through a channel and back through another", targets=EACH),
    Row("yield", "one of 100 tasks gives way to the others", targets=EACH),
    Row("timers", "one of 10,000 tasks that sleep at once", targets=EACH),
    Row("memory", "one of 1,000,000 tasks that wait, beyond its future", "bytes", limit=200),
    Row(
        "echo",
        "echo server, 100 connections, 1 KiB",
        "req/cpu-s",
        targets={"tokio": 1, FLOOR: 0.97},
        has_floor=True,
        higher_is_better=True,
        repeats=5,
    ),
)


def is_asked_for(only: str | None) -> bool:
    """Whether a list on the command line names rows of this family.

    Raises:
        ValueError: it names others too.
    """
    names = [name.strip() for name in (only or "").split(",") if name.strip()]
    ours = [name for name in names if name == FAMILY or name.startswith(f"{FAMILY}.")]
    if ours and len(ours) < len(names):
        raise ValueError(f"the rows of {FAMILY} are measured by themselves, without others")
    return bool(ours)


def select(only: str) -> tuple[tuple[Row, ...], bool]:
    """The rows that a list names, ``rust`` or some as ``rust.yield``; and whether it names those
    of extensions.

    Raises:
        ValueError: a name belongs to none.
    """
    names = [name.strip().removeprefix(f"{FAMILY}.") for name in only.split(",")]
    if FAMILY in names:
        return ROWS, True
    others = [name for name in names if name != EXTENSIONS]
    chosen = tuple(selection.choose(ROWS, ",".join(others), "row")) if others else ()
    return chosen, len(others) < len(names)


Samples = Mapping[tuple[str, str], Sequence[float]]


def ratio(row: Row, samples: Samples, theirs: str) -> float | None:
    """The median over the rounds of how many times as good aioxide is; None if there is none."""
    rounds = zip(
        samples.get((row.name, "aioxide"), ()), samples.get((row.name, theirs), ()), strict=False
    )
    ratios = [row.times_as_good(ours, other) for ours, other in rounds]
    return statistics.median(ratios) if ratios else None


def judge(row: Row, samples: Samples) -> bool | None:
    """Whether all targets of a row are met; None if nothing can be compared."""
    verdicts = []
    for theirs, factor in (row.targets or {}).items():
        reached = ratio(row, samples, theirs)
        if reached is not None:
            verdicts.append(reached >= factor)
    ours = samples.get((row.name, "aioxide"))
    if row.limit is not None and ours:
        verdicts.append(statistics.median(ours) <= row.limit)
    return all(verdicts) if verdicts else None


def table(selected: Sequence[Row], samples: Samples) -> str:
    """The medians and ratios in Markdown."""
    lines = [
        "| one operation | unit | aioxide | tokio | smol | floor | × tokio | × smol | × floor | |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    for row in selected:
        numbers = [samples.get((row.name, name)) for name in (*RUNTIMES, FLOOR)]
        medians = [f"{statistics.median(each):,.0f}" if each else "–" for each in numbers]
        ratios = [ratio(row, samples, theirs) for theirs in ("tokio", "smol", FLOOR)]
        shown = [f"{each:.2f}" if each is not None else "–" for each in ratios]
        verdict = {True: "ok", False: "short", None: "–"}[judge(row, samples)]
        lines.append(f"| {' | '.join([row.title, row.unit, *medians, *shown, verdict])} |")
    return "\n".join(lines)
