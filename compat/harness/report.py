"""The table, for people, for the documentation and for programs."""

from __future__ import annotations

import datetime
import json
import platform
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from .catalogue import ABSENT, PROGRAMS
from .verdict import UNAVAILABLE, Verdict

__all__ = ("as_json", "closing_line", "explanation", "markdown", "publish", "table")

_BEGINNING, _END = "<!-- compat:table -->", "<!-- /compat:table -->"
_WIDEST_STEPS = 76


def table(verdicts: Sequence[Verdict]) -> str:
    """Program, version, seconds on both loops, result, and below it what was done."""
    heads = ("program", "version", "asyncio, s", "aioxide, s", "result")
    rows = [
        (v.program.name, v.version, _seconds(v.control), _seconds(v.tried), v.result)
        for v in verdicts
    ]
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]
    lines = [_aligned(heads, widths)]
    for verdict, row in zip(verdicts, rows, strict=True):
        lines.append(_aligned(row, widths))
        for line in textwrap.wrap("; ".join(_steps(verdict)), _WIDEST_STEPS):
            lines.append(f"    {line}")
    return "\n".join(lines)


def explanation(verdict: Verdict) -> str:
    """Why a program did not pass, and where its output is."""
    lines = [f"{verdict.program.name}: {verdict.result}"]
    lines += [f"  {reason}" for reason in verdict.reasons]
    for run in (verdict.tried, verdict.control):
        if run is not None and run.error is not None:
            lines.append(f"  the end of {run.log}:")
            output = run.log.read_text(errors="replace").splitlines()
            lines += [f"  | {line}" for line in output[-25:]]
    return "\n".join(lines)


def closing_line(verdicts: Sequence[Verdict]) -> str:
    """How many programs ended in which way."""
    counts = Counter(verdict.result for verdict in verdicts)
    return ", ".join(f"{count} {result}" for result, count in counts.items())


def markdown(verdicts: Iterable[Verdict], published: str = "") -> str:
    """The table in Markdown.

    Args:
        verdicts: of the programs that were run.
        published: the table that is there; rows of programs that were not run are kept.
    """
    rows = {line.split(" ")[1]: line for line in published.splitlines() if line[:2] == "| "}
    run = {v.program.name: _row(v) for v in verdicts}
    in_order = [name for program in PROGRAMS if (name := program.name) in rows.keys() | run.keys()]
    kept = [name for name in in_order if name not in run]
    rows |= run
    lines = [
        "| program | version | what it did | asyncio, s | aioxide, s | result |",
        "|---|---|---|---:|---:|---|",
        *(rows[name] for name in dict.fromkeys([*in_order, *run])),
        *(f"| {name} | – | {reason} | – | – | {UNAVAILABLE} |" for name, reason in ABSENT.items()),
    ]
    python, system = (
        platform.python_version(),
        f"{platform.system()} {platform.release().partition('-')[0]}",
    )
    lines.append(f"\nRun: {datetime.date.today()}, CPython {python}, {system}.")
    for line in published.splitlines():
        # What the rows that stay were run on, as far as it stands there.
        if kept and line.startswith("Run: "):
            lines.append(f"{', '.join(kept)}: {line.removeprefix('Run: ')}")
    return "\n".join(lines)


def _row(verdict: Verdict) -> str:
    did = "; ".join(_steps(verdict))
    seconds = f"{_seconds(verdict.control)} | {_seconds(verdict.tried)}"
    return f"| {verdict.program.name} | {verdict.version} | {did} | {seconds} | {verdict.result} |"


def publish(verdicts: Sequence[Verdict], page: Path) -> None:
    """Put the table between the marks of a page; rows of programs that were not run stay.

    Raises:
        ValueError: the marks are not there.
    """
    text = page.read_text()
    before, beginning, rest = text.partition(_BEGINNING)
    published, end, after = rest.partition(_END)
    if not beginning or not end:
        raise ValueError(f"{page} has no {_BEGINNING} … {_END}")
    page.write_text(f"{before}{beginning}\n{markdown(verdicts, published)}\n{end}{after}")


def as_json(verdicts: Sequence[Verdict]) -> str:
    """Everything that is known, for programs."""
    described = {
        "python": platform.python_version(),
        "system": platform.platform(),
        "programs": [
            {
                "name": v.program.name,
                "version": v.version,
                "start": v.program.start,
                "result": v.result,
                "reasons": v.reasons,
                "runs": {run.loop: _run(run) for run in (v.control, v.tried) if run is not None},
            }
            for v in verdicts
        ],
    }
    return json.dumps(described, indent=1)


def _run(run: Any) -> dict[str, Any]:
    return {
        "seconds": round(run.seconds, 2),
        "error": run.error,
        "steps": run.steps,
        "records": sorted({f"{record.kind}: {record.text}" for record in run.records}),
    }


def _steps(verdict: Verdict) -> list[str]:
    run = verdict.tried or verdict.control
    return run.steps if run is not None else verdict.reasons


def _seconds(run: Any) -> str:
    return "–" if run is None else f"{run.seconds:.1f}"


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    name, version, control, tried, result = cells
    return (
        f"{name:{widths[0]}}  {version:{widths[1]}}  {control:>{widths[2]}}  "
        f"{tried:>{widths[3]}}  {result}"
    )
