"""What has been ticked, which plans were imported, and how far the learner is in each lab."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import Any


def ticked(connection: sqlite3.Connection, page: str) -> set[str]:
    """Return the items of a page's checklists that are ticked."""
    rows = connection.execute("SELECT item FROM tick WHERE page = ?", (page,))
    return {row[0] for row in rows}


def tick(connection: sqlite3.Connection, page: str, item: str, on: bool, now: int) -> None:
    """Tick an item of a page, or take the tick away."""
    if on:
        connection.execute("INSERT OR IGNORE INTO tick VALUES (?, ?, ?)", (page, item, now))
    else:
        connection.execute("DELETE FROM tick WHERE page = ? AND item = ?", (page, item))


def all_ticked(connection: sqlite3.Connection) -> dict[str, set[str]]:
    """Return the items that are ticked, by page."""
    found: dict[str, set[str]] = {}
    for page, item in connection.execute("SELECT page, item FROM tick"):
        found.setdefault(page, set()).add(item)
    return found


def plans(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the plans that were imported: Markdown by slug."""
    rows = connection.execute("SELECT slug, source FROM plan ORDER BY imported, slug")
    return {row[0]: row[1] for row in rows}


def put_plan(connection: sqlite3.Connection, slug: str, source: str, now: int) -> None:
    """Keep a plan; one of the same slug is replaced, its ticks stay."""
    connection.execute(
        "INSERT INTO plan VALUES (?, ?, ?)"
        " ON CONFLICT (slug) DO UPDATE SET source = excluded.source",
        (slug, source, now),
    )


def remove_plan(connection: sqlite3.Connection, slug: str) -> None:
    """Take a plan out; its ticks stay for when it is imported again."""
    connection.execute("DELETE FROM plan WHERE slug = ?", (slug,))


@dataclass(frozen=True, slots=True)
class LabState:
    """How far the learner is in a lab.

    Attributes:
        path: the folder with the learner's file.
        hints: how many have been shown.
        solution_shown: whether it was asked for, or shown after passing.
        checks: how often the file was checked.
        passed: when it passed first; None before.
        checked: when it was checked last.
        report: the last report, as `Report.to_dict` gives it.
    """

    name: str
    path: str
    hints: int = 0
    solution_shown: bool = False
    checks: int = 0
    passed: int | None = None
    checked: int | None = None
    report: dict[str, Any] | None = None


def lab(connection: sqlite3.Connection, name: str) -> LabState | None:
    """Return the state of a lab; None if it was never started."""
    row = connection.execute("SELECT * FROM lab WHERE name = ?", (name,)).fetchone()
    return None if row is None else _lab(row)


def labs(connection: sqlite3.Connection) -> dict[str, LabState]:
    """Return the states of the labs that were started."""
    return {row["name"]: _lab(row) for row in connection.execute("SELECT * FROM lab")}


def _lab(row: sqlite3.Row) -> LabState:
    return LabState(
        name=row["name"],
        path=row["path"],
        hints=row["hints"],
        solution_shown=bool(row["solution_shown"]),
        checks=row["checks"],
        passed=row["passed"],
        checked=row["checked"],
        report=None if row["report"] is None else json.loads(row["report"]),
    )


def start_lab(connection: sqlite3.Connection, name: str, path: str) -> None:
    """Remember where the learner works on a lab; what else is known of it stays."""
    connection.execute(
        "INSERT INTO lab (name, path) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET path = excluded.path",
        (name, path),
    )


def keep_report(
    connection: sqlite3.Connection, name: str, report: dict[str, Any], passed: bool, now: int
) -> None:
    """Keep the report of a check; the time of the first one that passed stays."""
    connection.execute(
        "UPDATE lab SET checks = checks + 1, checked = ?, report = ?,"
        " passed = CASE WHEN ? THEN coalesce(passed, ?) ELSE passed END WHERE name = ?",
        (now, json.dumps(report), passed, now, name),
    )


def show_hint(connection: sqlite3.Connection, name: str, known: int) -> None:
    """Show one hint more, up to how many the lab has."""
    connection.execute("UPDATE lab SET hints = min(hints + 1, ?) WHERE name = ?", (known, name))


def show_solution(connection: sqlite3.Connection, name: str) -> None:
    """Show the solution from now on."""
    connection.execute("UPDATE lab SET solution_shown = 1 WHERE name = ?", (name,))
