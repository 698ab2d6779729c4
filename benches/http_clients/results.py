"""What was measured, what it says about the targets, and its JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ratios import median, ratio
from results import Sample
from rows import TIME

from http_clients.clients import find
from http_clients.rows import Limit, Row, Target


@dataclass(frozen=True)
class Judgement:
    """One target and what was reached of it; None where that was not measured."""

    row: Row
    target: Target | Limit
    reached: float | None

    @property
    def met(self) -> bool | None:
        if self.reached is None:
            return None
        if isinstance(self.target, Limit):
            return self.reached <= self.target.value
        return self.reached >= self.target.factor


@dataclass
class Results:
    """All samples of a run; each list has one for each round."""

    rows: tuple[Row, ...]
    #: Why a client was not measured, by its name.
    missing: dict[str, str] = field(default_factory=dict)
    samples: dict[tuple[str, str], list[Sample]] = field(default_factory=dict)

    def add(self, row: Row, name: str, sample: Sample) -> None:
        """Keeps the next round's sample."""
        self.samples.setdefault((row.name, name), []).append(sample)

    def of(self, row: Row, name: str) -> list[Sample]:
        """The samples of a competitor; none if it was not measured."""
        return self.samples.get((row.name, name), [])

    def measured(self, row: Row) -> list[str]:
        """The competitors that have a sample, in the order of the table."""
        return [name for name in row.competitors() if self.of(row, name)]

    def median(self, row: Row, name: str) -> float | None:
        """The median of a competitor's numbers."""
        return median([sample.value for sample in self.of(row, name)])

    def detail(self, row: Row, name: str, key: str) -> float | None:
        """The median of one of its details."""
        return median([sample.details.get(key) for sample in self.of(row, name)])

    def ratio(self, row: Row, ours: str, theirs: str) -> float | None:
        """How many times as good `ours` is: the median of the ratios of each round."""
        of_ours, of_theirs = (
            [sample.value for sample in self.of(row, name)] for name in (ours, theirs)
        )
        return ratio(TIME, of_ours, of_theirs)

    def judgements(self) -> list[Judgement]:
        """All targets of the rows that were measured."""
        return [
            Judgement(
                row,
                target,
                self.median(row, target.ours)
                if isinstance(target, Limit)
                else self.ratio(row, target.ours, target.theirs),
            )
            for row in self.rows
            for target in row.targets
        ]

    def failures(self) -> list[tuple[str, str, str]]:
        """Row, competitor and reason of what failed, each once."""
        return [
            (row, name, next(sample.error for sample in samples if sample.error))
            for (row, name), samples in self.samples.items()
            if any(sample.error for sample in samples)
        ]

    def as_json(self) -> dict[str, Any]:
        """Every row with its samples, medians, ratios and targets."""
        return {"missing": self.missing, "rows": [self._row_as_json(row) for row in self.rows]}

    def _row_as_json(self, row: Row) -> dict[str, Any]:
        return {
            "name": row.name,
            "title": row.title,
            "unit": row.unit,
            "competitors": {
                name: {
                    "median": self.median(row, name),
                    "samples": [
                        {"error": sample.error}
                        if sample.error
                        else {"value": sample.value, **sample.details}
                        for sample in self.of(row, name)
                    ],
                }
                for name in self.measured(row)
            },
            "targets": [
                {
                    "ours": each.target.ours,
                    **(
                        {"at_most": each.target.value}
                        if isinstance(each.target, Limit)
                        else {"theirs": each.target.theirs, "times": each.target.factor}
                    ),
                    "reached": each.reached,
                    "met": each.met,
                }
                for each in self.judgements()
                if each.row is row
            ],
        }


def title(row: Row, name: str) -> str:
    """What the tables call a competitor."""
    return name if row.has_loops else find(name).title
