"""The timeline of a lab's run as SVG within the page: what each task did and waited for."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from aioxide_learn.web.charts import svg, text

#: So many tasks of a run are drawn.
MOST_TASKS = 60
WIDTH, LEFT, RIGHT, ROW = 900, 190, 70, 26
#: The steps of a run have so much of the width at most, and one of them so many pixels.
SHARE_OF_STEPS, STEP = 0.35, 5.0
#: Between two marks of the axis, and for each letter.
MARK, LETTER = 80, 6.5

_STATES = ("done", "failed", "cancelled", "pending")
_NAMES = {"run": "runs", "ready": "is ready", "cancel": "is to be cancelled"}

Span = Mapping[str, Any]


@dataclass(frozen=True)
class _Scale:
    """Where a moment is: running takes no virtual time, so each step has a width of its own."""

    begin: float
    per_second: float
    per_step: float

    @classmethod
    def of(cls, spans: Sequence[Span]) -> _Scale:
        begin = min(span["start"] for span in spans)
        length = max(span["end"] for span in spans) - begin
        steps = max((part["last"] for span in spans for part in span["parts"]), default=0)
        width = WIDTH - LEFT - RIGHT
        for_steps = min(STEP * steps, SHARE_OF_STEPS * width) if length else width
        if not steps:
            return cls(begin, width / (length or 1), 0)
        return cls(begin, (width - for_steps) / (length or 1), min(for_steps / steps, 40))

    def x(self, time: float, step: int) -> float:
        return LEFT + (time - self.begin) * self.per_second + step * self.per_step


def timeline(spans: Sequence[Span]) -> Markup | None:
    """Return the tasks of a run, one below the other, over time; None without tasks.

    Args:
        spans: of a report, as `Report.to_dict` gives it. Reports of older versions have no parts.
    """
    if not spans:
        return None
    shown = [{"parts": [], **span} for span in spans[:MOST_TASKS]]
    scale = _Scale.of(shown)
    drawn: list[str] = []
    for index, span in enumerate(shown):
        drawn += _row(span, index * ROW, scale)
    base = ROW * len(shown)
    drawn += _axis(shown, base, scale)
    if len(spans) > len(shown):
        drawn.append(text(0, base + 18, f"and {len(spans) - len(shown)} more tasks"))
    length = max(span["end"] for span in shown) - scale.begin
    told = "; ".join(_told(span) for span in shown)
    count = f"{len(spans)} {'task' if len(spans) == 1 else 'tasks'}"
    return svg(f"{count} in {length:g} seconds: {told}", base + 26, drawn, WIDTH)


def _row(span: Span, top: float, scale: _Scale) -> list[str]:
    name = span["coroutine"].rpartition(".")[2]
    title = f"{span['task']}: {name}"
    state = span["state"] if span["state"] in _STATES else "done"
    drawn = [text(0, top + 16, title if len(title) <= 26 else f"{title[:25]}…")]
    if not span["parts"]:
        drawn.append(_life(span, title, state, top, scale))
        end = scale.x(span["end"], 0)
    else:
        # What is short lies above what is long.
        order = ("wait", "ready", "run", "cancel")
        for part in sorted(span["parts"], key=lambda part: order.index(part["kind"])):
            drawn += _part(part, title, top, scale)
        last = span["parts"][-1]
        end = scale.x(last["end"], last["last"])
    if state != "done":
        drawn.append(text(min(end + 4, WIDTH - 66), top + 16, state))
    return drawn


def _life(span: Span, title: str, state: str, top: float, scale: _Scale) -> str:
    """One bar for a task of which nothing else is known."""
    x = scale.x(span["start"], 0)
    width = max(scale.x(span["end"], 0) - x, 2)
    return _bar(f"span {state}", x, top + 5, width, 16, f"{title}, {span['state']}", span)


def _part(part: Span, title: str, top: float, scale: _Scale) -> list[str]:
    x = scale.x(part["start"], part["first"])
    width = scale.x(part["end"], part["last"]) - x
    does = _NAMES.get(part["kind"], f"waits for {part['what']}")
    label = f"{title} {does}"
    if part["kind"] == "cancel":
        hint = html.escape(f"{label}, at {part['start']:g} s")
        return [f'<path class="part cancel" d="M{x:.1f} {top + 2}v22"><title>{hint}</title></path>']
    if part["kind"] != "wait":
        height = 16 if part["kind"] == "run" else 8
        y = top + 13 - height / 2
        return [_bar(f"part {part['kind']}", x, y, max(width, 1.5), height, label, part)]
    drawn = [_bar("part wait", x, top + 8, max(width, 1), 10, label, part)]
    if width > LETTER * len(part["what"]) + 6:
        drawn.append(
            f'<text class="what" x="{x + width / 2:.1f}" y="{top + 16.5}" text-anchor="middle">'
            f"{html.escape(part['what'])}</text>"
        )
    return drawn


def _bar(
    kind: str, x: float, y: float, width: float, height: float, label: str, times: Span
) -> str:
    hint = f"{label}, {times['start']:g} to {times['end']:g} s"
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{y:g}" width="{width:.1f}" height="{height:g}" '
        f'rx="2"><title>{html.escape(hint)}</title></rect>'
    )


def _axis(spans: Sequence[Span], base: float, scale: _Scale) -> list[str]:
    """A line, with the time at moments that are far enough from one another."""
    moments = {
        (each[name], each.get(step, 0))
        for span in spans
        for each in (span["parts"] or [span])
        for name, step in (("start", "first"), ("end", "last"))
    }
    places = sorted((scale.x(*moment), moment[0]) for moment in moments)
    drawn = [f'<path class="axis" d="M{LEFT} {base}H{WIDTH - RIGHT}"/>']
    last = float("-inf")
    seen: set[float] = set()
    for x, time in places:
        if x - last >= MARK and time not in seen:
            drawn.append(f'<path class="axis" d="M{x:.1f} {base}v4"/>')
            drawn.append(text(x, base + 18, f"{time:g} s", "middle"))
            last = x
            seen.add(time)
    return drawn


def _told(span: Span) -> str:
    """What a task did, for those who do not see it."""
    waits: dict[str, float] = {}
    for part in span["parts"]:
        if part["kind"] == "wait":
            waits[part["what"]] = waits.get(part["what"], 0) + part["end"] - part["start"]
    told = f"{span['task']} {span['start']:g} to {span['end']:g} s, {span['state']}"
    for what, seconds in waits.items():
        told += f", {seconds:g} s waiting for {what}"
    return told
