"""The arithmetic: medians, ratios between loops, and whether a target is met.

Every ratio says how many times as good the first loop is as the second: above
1 it is better, whether the quantity is one that should be low or high. It is
the median of the ratios of each round, in which the two ran one after the
other, and not the ratio of two medians: what slows the machine for a while
then slows both sides of the same fraction.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rows import Limit, Quantity, Row, Share, Target

#: One number for each round; ``None`` where the sample failed.
Values = Sequence[float | None]

#: The loop that the targets are for.
OURS = "aioxide"


@dataclass(frozen=True)
class Judgement:
    """A target and what was reached of it."""

    target: Target | Share | Limit
    #: In the unit of the target; ``None`` when there is nothing to compare.
    reached: float | None
    met: bool | None


def median(values: Values) -> float | None:
    """The median of what was measured, or ``None`` if nothing was."""
    measured = [value for value in values if value is not None]
    return statistics.median(measured) if measured else None


def times_as_good(quantity: Quantity, ours: float, theirs: float) -> float:
    """How many times as good `ours` is as `theirs`; infinite if it costs nothing."""
    best, worst = (ours, theirs) if quantity.higher_is_better else (theirs, ours)
    return best / worst if worst else float("inf")


def ratio(quantity: Quantity, ours: Values, theirs: Values) -> float | None:
    """The median over the rounds of `times_as_good`; ``None`` if no round has both."""
    rounds = [
        times_as_good(quantity, our, their)
        for our, their in zip(ours, theirs, strict=False)
        if our is not None and their is not None
    ]
    return median(rounds)


def share(ours: Values, theirs: Values) -> float | None:
    """The median over the rounds of what `ours` uses of `theirs`; ``None`` as in `ratio`."""
    return median(
        [our / their for our, their in zip(ours, theirs, strict=False) if our is not None and their]
    )


def judge(row: Row, values: Mapping[str, Values]) -> list[Judgement]:
    """Compares aioxide with every target of `row`."""
    ours = values.get(OURS, ())
    judgements = []
    for target in row.targets:
        if isinstance(target, Limit):
            reached = median(ours)
            met = None if reached is None else reached <= target.value
        elif isinstance(target, Share):
            reached = share(ours, values.get(target.peer, ()))
            met = None if reached is None else reached <= target.factor
        else:
            reached = ratio(row.quantity, ours, values.get(target.peer, ()))
            met = None if reached is None else reached >= target.factor
        judgements.append(Judgement(target, reached, met))
    return judgements


def verdict(judgements: Sequence[Judgement]) -> str:
    """``ok``, ``short`` if any target is missed, ``–`` if nothing can be said."""
    if any(judgement.met is False for judgement in judgements):
        return "short"
    if judgements and all(judgement.met for judgement in judgements):
        return "ok"
    return "–"
