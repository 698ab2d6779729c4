"""Charts as SVG within the page. Colours are classes: the style sheet has them, light and dark."""

from __future__ import annotations

import html
from collections.abc import Sequence

from markupsafe import Markup

from aioxide_learn.store.progress import Part, Week

WIDTH, HEIGHT = 600, 160
_BASE, _TOP, _LEFT = HEIGHT - 22, 12, 34


def svg(label: str, height: int, parts: list[str], width: int = WIDTH) -> Markup:
    return Markup(
        f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{html.escape(label, quote=True)}">{"".join(parts)}</svg>'
    )


def text(x: float, y: float, said: str, place: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{place}">{html.escape(said)}</text>'


def bars(values: Sequence[int], label: str, marks: Sequence[str]) -> Markup:
    """Return a chart with a bar for each value.

    Args:
        values: one a day.
        label: what the chart shows, for those who do not see it.
        marks: texts below, spread evenly from the first bar on.
    """
    top = max([*values, 1])
    step = (WIDTH - _LEFT) / len(values)
    parts = [text(_LEFT - 6, _TOP + 8, str(top), "end"), text(_LEFT - 6, _BASE, "0", "end")]
    for index, value in enumerate(values):
        height = (_BASE - _TOP) * value / top
        parts.append(
            f'<rect class="bar" x="{_LEFT + index * step + 1:.1f}" y="{_BASE - height:.1f}" '
            f'width="{step - 2:.1f}" height="{height:.1f}"><title>{value}</title></rect>'
        )
    parts.append(f'<path class="axis" d="M{_LEFT} {_BASE}H{WIDTH}"/>')
    for index, mark in enumerate(marks):
        x = _LEFT + index * (WIDTH - _LEFT) / len(marks)
        parts.append(text(x, HEIGHT - 6, mark))
    return svg(f"{label}: {', '.join(map(str, values))}", HEIGHT, parts)


def retention(weeks: Sequence[Week], target: int) -> Markup:
    """Return a chart of the share recalled in each week, with a line at the target.

    Args:
        weeks: the oldest first; one without answers has no point.
        target: in percent.
    """
    low = 50.0

    def place(percent: float) -> float:
        return _BASE - (_BASE - _TOP) * (max(percent, low) - low) / (100 - low)

    step = (WIDTH - _LEFT) / len(weeks)
    parts = [
        text(_LEFT - 6, place(100) + 4, "100", "end"),
        text(_LEFT - 6, place(low), "50", "end"),
        f'<path class="axis" d="M{_LEFT} {_BASE}H{WIDTH}"/>',
        f'<path class="target" d="M{_LEFT} {place(target):.1f}H{WIDTH}"/>',
        text(_LEFT + 4, place(target) - 4, f"target {target} %"),
    ]
    said = []
    line: list[str] = []
    for index, week in enumerate(weeks):
        if week.share is None:
            continue
        x, y = _LEFT + (index + 0.5) * step, place(100 * week.share)
        line.append(f"{x:.1f} {y:.1f}")
        parts.append(
            f'<circle class="point" cx="{x:.1f}" cy="{y:.1f}" r="4">'
            f"<title>{100 * week.share:.0f} % of {week.answers}</title></circle>"
        )
        said.append(f"{100 * week.share:.0f} %")
    if len(line) > 1:
        parts.append(f'<path class="line" d="M{"L".join(line)}"/>')
    parts.append(text(_LEFT, HEIGHT - 6, f"{len(weeks)} weeks ago"))
    parts.append(text(WIDTH, HEIGHT - 6, "this week", "end"))
    label = f"Share recalled in each week: {', '.join(said) or 'no answers yet'}; target {target} %"
    return svg(label, HEIGHT, parts)


def stacked(part: Part) -> Markup:
    """Return one bar: known, learning and new, left to right."""
    parts = ['<rect class="new" x="0" y="0" width="600" height="14"/>']
    total = max(part.total, 1)
    x = 0.0
    for name, value in (("known", part.known), ("learning", part.learning)):
        width = WIDTH * value / total
        parts.append(f'<rect class="{name}" x="{x:.1f}" y="0" width="{width:.1f}" height="14"/>')
        x += width
    label = f"{part.known} known, {part.learning} learning, {part.new} new"
    return svg(label, 14, parts)
