"""Measures the rows of HTTP clients: what ``benches/run.py --only http`` hands over to."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import loops
import machine
import publish
from results import Sample

from http_clients import clients, rows, table
from http_clients.results import Results

#: Runs a program of the folder of benchmarks, for a sample (`run.run_sample`).
Take = Callable[[Sequence[str], float], Sample]

HERE = Path(__file__).resolve().parent

ROUNDS = 5
QUICK_ROUNDS = 2
#: Seconds after which a sample is given up.
PATIENCE = 180
#: What is published lies beside the other rows' results under this name.
NAME = "http"


def plan(
    rounds: int, selected: Sequence[rows.Row], results: Results, only: Sequence[str] | None
) -> Iterator[tuple[int, rows.Row, str]]:
    """Round, row and competitor of every sample; what is compared follows each other at once."""
    for number in range(1, rounds + 1):
        for row in selected:
            for name in row.competitors():
                if name not in results.missing and (only is None or name in only):
                    yield number, row, name


def find_missing(selected: Sequence[rows.Row]) -> dict[str, str]:
    """Why some of the competitors cannot be measured here, by their names."""
    missing = {}
    for row in selected:
        for name in row.competitors():
            if row.has_loops:
                reason = None if loops.is_installed(name) else f"{name} is not installed"
            else:
                reason = clients.find(name).missing()
            if reason:
                missing[name] = reason
    for row in selected:
        if row.name == "fastapi":
            for package in ("fastapi", "uvicorn", "httptools"):
                if not loops.is_installed(package):
                    missing[row.name] = f"{package} is not installed"
    return missing


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benches/run.py --only http",
        description="Measure HTTP clients on aioxide's loop.",
        epilog="Rows: " + ", ".join(f"http.{row.name}" for row in rows.ROWS),
    )
    parser.add_argument("--only", metavar="ROW,ROW", required=True, help="http, or some rows")
    parser.add_argument("--clients", metavar="NAME,NAME", help="some clients instead of all")
    parser.add_argument("--rounds", type=int, metavar="N", help=f"[{ROUNDS}]")
    parser.add_argument(
        "--quick",
        action="store_true",
        help=f"shorter samples and {QUICK_ROUNDS} rounds: to try something, not to publish",
    )
    parser.add_argument("--results", type=Path, metavar="DIR", help="where to write")
    options = parser.parse_args(arguments)
    try:
        options.rows = rows.select(options.only)
        options.clients = options.clients.split(",") if options.clients else None
        for name in options.clients or ():
            clients.find(name)
    except ValueError as error:
        parser.error(str(error))
    return options


def measure(
    results: Results, rounds: int, only: Sequence[str] | None, take: Take, quick: bool
) -> None:
    """Takes all samples of a run into `results`."""
    for number, row, name in plan(rounds, results.rows, results, only):
        if sys.stderr.isatty():
            text = f"round {number} of {rounds}: {row.name}, {name}"
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
        arguments = ["http_clients/sample.py", row.name, name, *["--quick"] * quick]
        results.add(row, name, take(arguments, PATIENCE))
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def main(arguments: Sequence[str], take: Take) -> int:
    """Measures, prints and writes; 1 if a client of ours failed somewhere.

    Args:
        arguments: of the command line.
        take: takes a sample.
    """
    options = parse(arguments)
    missing = find_missing(options.rows)
    selected = tuple(row for row in options.rows if row.name not in missing)
    for name, reason in missing.items():
        print(f"{name} is left out: {reason}", file=sys.stderr)
    rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    facts = machine.facts(["aioxide"])
    for row in selected:
        for name in row.competitors():
            if name not in missing and not row.has_loops:
                facts["versions"].update(clients.find(name).versions())
    facts["settings"] = {
        "rounds": rounds,
        "quick": options.quick,
        "command": publish.command("bench", arguments),
    }
    if facts["machine"]["load_before"] > machine.QUIET_LOAD:
        print(
            f"the machine is not idle (load {facts['machine']['load_before']}): "
            "the numbers will be disturbed",
            file=sys.stderr,
        )
    results = Results(selected, missing)
    measure(results, rounds, options.clients, take, options.quick)
    text = table.tables(results, machine.one_line(facts))
    print(text)
    for row, name, error in results.failures():
        print(f"  {row} with {name} failed: {error}")
    complete = options.rows == rows.ROWS and not options.quick and options.clients is None
    where = options.results or publish.directory(HERE.parent / "results", complete)
    where.mkdir(parents=True, exist_ok=True)
    document = json.dumps({**facts, **results.as_json()}, indent=1, ensure_ascii=False)
    (where / f"{NAME}.json").write_text(document + "\n", encoding="utf-8")
    (where / f"{NAME}.md").write_text(text, encoding="utf-8")
    print(f"written to {os.path.relpath(where)}")
    if where == HERE.parent / "results":
        publish.publish_http(where)
    return 1 if results.failures() else 0
