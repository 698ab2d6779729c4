"""What was measured, in the order it was measured, and its JSON."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loops import FLOOR
from ratios import Values, judge, median, ratio, verdict
from rows import Row


@dataclass(frozen=True)
class Sample:
    """One number, or why there is none."""

    value: float | None
    details: dict[str, Any] = field(default_factory=dict)
    error: str | None = None


@dataclass
class Results:
    """All samples of a run; each list has one sample for each round."""

    rows: tuple[Row, ...]
    loops: tuple[str, ...]
    samples: dict[tuple[str, str], list[Sample]] = field(default_factory=dict)

    def add(self, row: Row, loop: str, sample: Sample) -> None:
        """Keeps the next round's sample of `row` on `loop`."""
        self.samples.setdefault((row.name, loop), []).append(sample)

    def of(self, row: Row, loop: str) -> list[Sample]:
        """The samples of `row` on `loop`; none if it does not compete there."""
        return self.samples.get((row.name, loop), [])

    def values(self, row: Row) -> dict[str, Values]:
        """The numbers of every competitor of `row`."""
        return {
            loop: [sample.value for sample in self.of(row, loop)]
            for loop in row.competitors(self.loops)
        }

    def median(self, row: Row, loop: str) -> float | None:
        """The median of `row` on `loop`."""
        return median([sample.value for sample in self.of(row, loop)])

    def ratio(self, row: Row, loop: str, peer: str) -> float | None:
        """How many times as good `loop` is as `peer` in `row`."""
        values = self.values(row)
        return ratio(row.quantity, values.get(loop, ()), values.get(peer, ()))

    def only(self, names: Collection[str]) -> Results:
        """The same with fewer rows: those of `names` that were measured."""
        selected = tuple(row for row in self.rows if row.name in names)
        return Results(selected, self.loops, self.samples)

    def failures(self) -> list[tuple[str, str, str]]:
        """Row, loop and reason of what could not be measured, each once."""
        return [
            (row, loop, next(sample.error for sample in samples if sample.error))
            for (row, loop), samples in self.samples.items()
            if any(sample.error for sample in samples)
        ]

    def as_json(self) -> list[dict[str, Any]]:
        """Every row with its samples, medians, ratios and verdict."""
        return [self._row_as_json(row) for row in self.rows]

    def _row_as_json(self, row: Row) -> dict[str, Any]:
        judgements = judge(row, self.values(row))
        return {
            "name": row.name,
            "title": row.title,
            "unit": row.quantity.unit,
            "higher_is_better": row.quantity.higher_is_better,
            "loops": {
                loop: {
                    "median": self.median(row, loop),
                    "times_uvloop": self.ratio(row, loop, "uvloop"),
                    "samples": [
                        {"error": sample.error}
                        if sample.error
                        else {"value": sample.value, **sample.details}
                        for sample in self.of(row, loop)
                    ],
                }
                for loop in row.competitors(self.loops)
            },
            "targets": [
                {
                    "target": str(judgement.target),
                    "reached": judgement.reached,
                    "met": judgement.met,
                }
                for judgement in judgements
            ],
            "verdict": verdict(judgements),
        }


def write_json(path: Path, facts: dict[str, Any], results: Results) -> None:
    """Writes the machine's facts and all results to `path`."""
    text = json.dumps({**facts, "rows": results.as_json()}, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def columns(results: Results) -> tuple[str, ...]:
    """The loops of the run, and the floor if any row has one."""
    has_floor = any(row.has_floor for row in results.rows)
    return (*results.loops, FLOOR) if has_floor else results.loops
