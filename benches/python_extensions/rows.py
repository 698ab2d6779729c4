"""The rows: what is measured, and what aioxide-pyo3 is to reach."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

OURS: Final = "aioxide"
THEIRS: Final = "pyo3-async-runtimes"
#: The crate on loops, and what it is measured beside, on asyncio.
SIDES: Final = (OURS, "asyncio", "uvloop", THEIRS)


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    title: str
    #: Nanoseconds that one operation takes on aioxide at most.
    limit: float | None = None
    #: How many times as fast as pyo3-async-runtimes it is to be, at least.
    factor: float | None = None


ROWS: Final = (
    Row("ready", "Python awaits a Rust future that is ready", 300, 30),
    Row("suspends", "Python awaits one that suspends once", 600, 30),
    Row("calls", "Rust awaits a coroutine of Python that returns at once", 600),
    Row("sleeps", "one of 1,000 coroutines that sleep at once"),
    Row("tokio", "a hop to tokio and back"),
)

Samples = Mapping[tuple[str, str], Sequence[float]]


def ratio(row: Row, samples: Samples) -> float | None:
    """The median over the rounds of how many times as fast aioxide is; None if there is none."""
    rounds = zip(
        samples.get((row.name, OURS), ()), samples.get((row.name, THEIRS), ()), strict=False
    )
    ratios = [theirs / ours for ours, theirs in rounds]
    return statistics.median(ratios) if ratios else None


def judge(row: Row, samples: Samples) -> bool | None:
    """Whether all targets of a row are met; None if there is none, or nothing to compare."""
    verdicts = []
    ours = samples.get((row.name, OURS))
    if row.limit is not None and ours:
        verdicts.append(statistics.median(ours) <= row.limit)
    reached = ratio(row, samples)
    if row.factor is not None and reached is not None:
        verdicts.append(reached >= row.factor)
    return all(verdicts) if verdicts else None


def table(samples: Samples) -> str:
    """The medians and ratios in Markdown."""
    lines = [
        "| one operation, in ns | on aioxide | on asyncio | on uvloop | pyo3-async-runtimes "
        "| × it | target | |",
        "|---|--:|--:|--:|--:|--:|---|---|",
    ]
    for row in ROWS:
        numbers = [samples.get((row.name, side)) for side in SIDES]
        medians = [f"{statistics.median(each):,.0f}" if each else "–" for each in numbers]
        reached = ratio(row, samples)
        targets = [f"≤ {row.limit:.0f}"] if row.limit is not None else []
        targets += [f"{row.factor:.0f} ×"] if row.factor is not None else []
        verdict = {True: "ok", False: "short", None: "–"}[judge(row, samples)]
        shown = f"{reached:,.1f}" if reached is not None else "–"
        target = ", ".join(targets) or "–"
        lines.append(f"| {' | '.join([row.title, *medians, shown, target, verdict])} |")
    return "\n".join(lines)
