"""The timeline of a lab's run for a terminal: a line for each task."""

from __future__ import annotations

from collections.abc import Sequence

from aioxide_learn.labs import Span

#: So many tasks are shown; columns for the name, and the fewest for the life.
MOST_TASKS, NAME, FEWEST = 20, 22, 20
#: What each part is drawn by; what comes later lies above.
MARKS = {"wait": "·", "ready": "-", "run": "█", "cancel": "x"}
LEGEND = "█ runs  - is ready  · waits  x cancel()"


def as_text(spans: Sequence[Span], width: int) -> list[str]:
    """Return the tasks of a run as lines; none without tasks.

    Running takes no virtual time, so each step has a width of its own.

    Args:
        spans: of a report.
        width: of the terminal.
    """
    shown = [span for span in spans[:MOST_TASKS] if span.parts]
    if not shown:
        return []
    columns = max(width - NAME - 2, FEWEST)
    begin = min(span.start for span in shown)
    length = max(span.end for span in shown) - begin
    steps = max(part.last for span in shown for part in span.parts)
    for_steps = min(steps, columns // 3) if length else columns - 1

    def column(time: float, step: int) -> int:
        share = (time - begin) / length if length else 0
        return int(share * (columns - 1 - for_steps) + step / max(steps, 1) * for_steps)

    lines = []
    for span in shown:
        cells = [" "] * columns
        for kind, mark in MARKS.items():
            for part in span.parts:
                if part.kind == kind:
                    first, last = column(part.start, part.first), column(part.end, part.last)
                    cells[first : max(last, first + 1)] = mark * max(last - first, 1)
        lines.append(f"{span.task[:NAME]:{NAME}}  {''.join(cells).rstrip()}")
    if len(spans) > len(shown):
        lines.append(f"and {len(spans) - len(shown)} more tasks")
    return [*lines, f"{'':{NAME}}  {LEGEND}; {length:g} s in all"]
