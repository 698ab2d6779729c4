"""The results as tables, in Markdown that is laid out for the terminal too."""

from __future__ import annotations

from collections.abc import Sequence

from http_clients.results import Judgement, Results, title
from http_clients.rows import Limit, Row

NOTHING = "–"


def tables(results: Results, facts_line: str) -> str:
    """The targets, then a table for each row, then what it was measured on."""
    parts = []
    if judgements := results.judgements():
        parts.append(targets(judgements))
    for row in results.rows:
        parts.append(f"**{row.title}**\n\n{of_row(results, row)}")
    missing = [f"{name}: {reason}" for name, reason in results.missing.items()]
    if missing:
        parts.append(f"Not measured: {'; '.join(missing)}.")
    return "\n\n".join([*parts, f"Measured: {facts_line}."]) + "\n"


def targets(judgements: Sequence[Judgement]) -> str:
    """Every target, and what was reached of it."""
    lines = [["row", "", "target", "measured", ""]]
    for each in judgements:
        if isinstance(each.target, Limit):
            wanted = f"≤ {each.target.value:,.0f} {each.row.unit}"
            reached = NOTHING if each.reached is None else f"{each.reached:,.0f}"
        else:
            wanted = f"{each.target.factor:g} × {title(each.row, each.target.theirs)}"
            reached = NOTHING if each.reached is None else f"{each.reached:.2f} ×"
        verdict = {None: NOTHING, True: "ok", False: "short"}[each.met]
        what = title(each.row, each.target.ours)
        lines.append([each.row.title, what, wanted, reached, verdict])
    return layout(lines, left={0, 1, 2, 4})


def of_row(results: Results, row: Row) -> str:
    """One line for each competitor."""
    head = ["", row.unit, *(heading for _, heading, _ in row.details)]
    lines = [head]
    for name in results.measured(row):
        cells = [title(row, name), number(results.median(row, name))]
        for key, _, factor in row.details:
            value = results.detail(row, name, key)
            cells.append(number(None if value is None else value * factor))
        if any(sample.error for sample in results.of(row, name)):
            cells[0] += " (failed)"
        lines.append(cells)
    return layout(lines, left={0})


def number(value: float | None) -> str:
    """With as many digits as mean something."""
    if value is None:
        return NOTHING
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}"


def layout(lines: Sequence[Sequence[str]], left: set[int]) -> str:
    """A table in Markdown whose columns are of equal width."""
    widths = [max(3, *map(len, cells)) for cells in zip(*lines, strict=True)]
    rule = [
        "-" * width if index in left else "-" * (width - 1) + ":"
        for index, width in enumerate(widths)
    ]
    return "\n".join(
        "| "
        + " | ".join(
            cell.ljust(width) if index in left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        + " |"
        for cells in (lines[0], rule, *lines[1:])
    )
