"""The results as a table: for the terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from loops import FLOOR
from ratios import OURS, Judgement, judge, verdict
from results import Results, columns
from rows import Limit, Quantity, Row

NOTHING = "–"


def number(value: float | None, quantity: Quantity) -> str:
    """A measured value without its unit, with as many digits as mean something."""
    if value is None:
        return NOTHING
    digits = {"×": 2, "ms": 1}.get(quantity.unit, 0)
    return f"{value:,.{digits}f}"


def times(value: float | None) -> str:
    """A ratio, with two digits that mean something."""
    if value is None:
        return NOTHING
    return f"{value:.2f} ×" if value < 9.95 else f"{value:.0f} ×"


def target_text(judgements: Sequence[Judgement]) -> str:
    """The targets, each followed by what was reached of it."""
    if not judgements:
        return NOTHING
    return ", ".join(
        str(judgement.target)
        if judgement.reached is None
        else f"{judgement.target} ({reached(judgement)})"
        for judgement in judgements
    )


def reached(judgement: Judgement) -> str:
    assert judgement.reached is not None
    return f"{judgement.reached:.2f}"


def header(results: Results) -> list[str]:
    return ["", "unit", *columns(results), f"{OURS} : uvloop", "target (reached)", ""]


def line(results: Results, row: Row) -> list[str]:
    judgements = judge(row, results.values(row))
    competitors = row.competitors(results.loops)
    cells = [row.title, row.quantity.unit]
    for loop in columns(results):
        failed = any(sample.error for sample in results.of(row, loop))
        value = results.median(row, loop) if loop in competitors else None
        cells.append("failed" if failed and value is None else number(value, row.quantity))
    ours_to_uvloop = results.ratio(row, OURS, "uvloop")
    if any(isinstance(target, Limit) for target in row.targets):
        ours_to_uvloop = None
    return [*cells, times(ours_to_uvloop), target_text(judgements), verdict(judgements)]


def terminal(results: Results) -> str:
    """The table in columns of equal width; numbers are set to the right."""
    lines = [header(results), *(line(results, row) for row in results.rows)]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    left = {0, 1, len(widths) - 2, len(widths) - 1}
    return "\n".join(
        "  ".join(
            cell.ljust(width) if index in left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ).rstrip()
        for cells in lines
    )


def markdown(results: Results, facts_line: str) -> str:
    """The whole table, with what it was measured on below it."""
    head, *body = [header(results), *(line(results, row) for row in results.rows)]
    rule = ["---", "---", *["---:"] * (len(head) - 4), "---", "---"]
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, rule, *body)]
    return "\n".join([*lines, "", f"Measured: {facts_line}.", ""])


def short(results: Results) -> str:
    """The table for the README: without the floor and without targets."""
    loops = [loop for loop in columns(results) if loop != FLOOR]
    lines = [
        ["", "unit", *loops, f"{OURS} : uvloop"],
        ["---", "---", *["---:"] * (len(loops) + 1)],
    ]
    for row in results.rows:
        numbers = [number(results.median(row, loop), row.quantity) for loop in loops]
        ratio = times(results.ratio(row, OURS, "uvloop"))
        lines.append([row.title, row.quantity.unit, *numbers, ratio])
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def remarks(results: Results) -> list[str]:
    """What a reader of the table has to know about single numbers."""
    return [f"{row} on {loop} failed: {error}" for row, loop, error in results.failures()]
