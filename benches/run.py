"""Measures aioxide against asyncio, uvloop and rloop, and shows the results.

    python benches/run.py [--quick] [--only ROW,ROW] [--loops LOOP,LOOP]
    python benches/run.py --only http [--quick] [--clients NAME,NAME]
    python benches/run.py --only rust [--quick]

Every sample is a process of its own. In each round every row runs on all loops
one after the other; ``benches/README.md`` says what the rows are. The rows of HTTP
clients (``http_clients/``) and those of the Rust crate (``rust_runtimes/``) are families of
their own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import chart
import loops
import machine
import publish
import rows
import table
from http_clients import command as http_clients
from http_clients import rows as http_rows
from ratios import OURS
from results import Results, Sample, write_json
from rust_runtimes import command as rust_runtimes
from rust_runtimes import rows as rust_rows

HERE = Path(__file__).resolve().parent

ROUNDS = 5
QUICK_ROUNDS = 2

#: Seconds after which a sample is given up.
PATIENCE = 180


def plan(
    rounds: int, selected: Sequence[rows.Row], names: Sequence[str]
) -> Iterator[tuple[int, rows.Row, str]]:
    """Round, row and loop of every sample, in the order they are taken.

    The loops of a row follow each other at once: what disturbs the machine for
    a while then disturbs all of them.
    """
    for number in range(1, rounds + 1):
        for row in selected:
            for loop in row.competitors(names):
                yield number, row, loop


def take(row: rows.Row, loop: str, quick: bool) -> Sample:
    """Runs ``sample.py`` for `row` on `loop`."""
    return run_sample(["sample.py", row.name, loop, *["--quick"] * quick], PATIENCE)


def run_sample(arguments: Sequence[str], patience: float) -> Sample:
    """Runs a program of this folder that prints a sample as JSON.

    Args:
        arguments: the program's file, and what it is told.
        patience: seconds after which it is given up.
    """
    program, *rest = arguments
    # Debug modes and the like belong to the caller's work, not to ours.
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTHON")
    }
    try:
        done = subprocess.run(
            [sys.executable, str(HERE / program), *rest],
            env=environment,
            capture_output=True,
            text=True,
            timeout=patience,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Sample(None, error=f"not done after {patience:g} s")
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"ended by {done.returncode}"]
        return Sample(None, error=lines[-1])
    report = json.loads(done.stdout)
    return Sample(report.pop("value"), report)


def report_progress(number: int, rounds: int, row: rows.Row, loop: str) -> None:
    if sys.stderr.isatty():
        text = f"round {number} of {rounds}: {row.name} on {loop}"
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def measure(results: Results, rounds: int, quick: bool) -> None:
    """Takes all samples of a run into `results`."""
    for number, row, loop in plan(rounds, results.rows, results.loops):
        report_progress(number, rounds, row, loop)
        results.add(row, loop, take(row, loop, quick))
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"at least 1 round is needed, not {text}")
    return number


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Measure aioxide against asyncio, uvloop and rloop.",
        epilog="Rows: " + ", ".join(row.name for row in rows.ROWS),
    )
    parser.add_argument(
        "--only", metavar="ROW,ROW", help="some rows instead of all; http, rust: those of a family"
    )
    parser.add_argument(
        "--loops",
        default=",".join(loops.LOOPS),
        metavar="LOOP,LOOP",
        help="some of %(default)s",
    )
    parser.add_argument("--rounds", type=positive, metavar="N", help=f"[{ROUNDS}]")
    parser.add_argument(
        "--quick",
        action="store_true",
        help=f"shorter samples and {QUICK_ROUNDS} rounds: to try something, not to publish",
    )
    parser.add_argument(
        "--results",
        type=Path,
        metavar="DIR",
        help="where to write [results; results/partial unless everything is measured]",
    )
    options = parser.parse_args(arguments)
    try:
        options.rows = rows.select(options.only)
        options.loops = loops.choose(options.loops)
    except ValueError as error:
        parser.error(str(error))
    return options


def family(arguments: Sequence[str]) -> str | None:
    """Which family of rows is wanted, each of which has options of its own."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--only")
    only = parser.parse_known_args(arguments)[0].only
    try:
        for rows_of_family in (http_rows, rust_rows):
            if rows_of_family.is_asked_for(only):
                return rows_of_family.FAMILY
    except ValueError as error:
        parser.error(str(error))
    return None


def directory(options: argparse.Namespace, measured: Sequence[str]) -> Path:
    """Where the results go: a partial run does not replace the published one.

    A Python that is not the published one may be without some of the loops.
    """
    if options.results is not None:
        return Path(options.results)
    everything = options.rows == rows.ROWS and options.loops == loops.LOOPS and not options.quick
    complete = tuple(measured) == loops.LOOPS or not publish.is_published()
    return publish.directory(HERE / "results", everything and complete)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints and writes; 1 if aioxide failed somewhere, 2 without any loop."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    match family(given):
        case http_rows.FAMILY:
            return http_clients.main(given, run_sample)
        case rust_rows.FAMILY:
            return rust_runtimes.main(given)
    options = parse(given)
    installed = tuple(loop for loop in options.loops if loops.is_installed(loop))
    for loop in options.loops:
        if loop not in installed:
            print(f"{loop} is not installed: its column is left out", file=sys.stderr)
    if not installed:
        return 2
    facts = machine.facts(installed)
    if facts["machine"]["load_before"] > machine.QUIET_LOAD:
        print(
            f"the machine is not idle (load {facts['machine']['load_before']}): "
            "the numbers will be disturbed",
            file=sys.stderr,
        )

    rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    facts["settings"] = {
        "rounds": rounds,
        "quick": options.quick,
        "command": publish.command("bench", given),
    }
    results = Results(options.rows, installed)
    measure(results, rounds, options.quick)

    print(table.terminal(results))
    for remark in table.remarks(results):
        print(f"  {remark}")
    where = directory(options, installed)
    write(results, facts, where)
    if where in (HERE / "results", *publish.other_folders(HERE / "results")):
        publish.publish(HERE / "results")
    return 1 if any(loop == OURS for _, loop, _ in results.failures()) else 0


def write(results: Results, facts: dict[str, Any], where: Path) -> None:
    """Writes ``latest.json``, the tables and the charts into `where`."""
    where.mkdir(parents=True, exist_ok=True)
    facts_line = machine.one_line(facts)
    write_json(where / "latest.json", facts, results)
    (where / "table.md").write_text(table.markdown(results, facts_line), encoding="utf-8")
    short = results.only(rows.SHORT)
    if short.rows:
        (where / "short.md").write_text(table.short(short), encoding="utf-8")
    if not chart.is_possible():
        print("matplotlib is not installed: no chart", file=sys.stderr)
    elif not chart.draw(results, facts_line, where):
        print("no row has a number of uvloop to compare with: no chart", file=sys.stderr)
    else:
        chart.draw(short, facts_line, where, "short")
    print(f"written to {os.path.relpath(where)}")


if __name__ == "__main__":
    sys.exit(main())
