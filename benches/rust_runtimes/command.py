"""Measures the rows of the Rust crate: what ``benches/run.py --only rust`` hands over to."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import machine
import publish
from python_extensions import command as extensions
from python_extensions import rows as extension_rows
from workloads import processes

from rust_runtimes import rows

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent.parent
MANIFEST = CHECKOUT / "benches" / "runtimes" / "Cargo.toml"
PAGE = CHECKOUT / "docs" / "rust" / "performance.md"

ROUNDS = 5
QUICK_ROUNDS = 2
#: Seconds after which a sample is given up.
PATIENCE = 300


def build() -> Path:
    """Builds the program of ``benches/runtimes``, and returns its path.

    Raises:
        subprocess.CalledProcessError: it cannot be built; cargo has said why.
    """
    target = Path(os.environ.get("CARGO_TARGET_DIR", CHECKOUT / "target")) / "runtimes"
    command = ["cargo", "build", "--locked", "--release", "--manifest-path", str(MANIFEST)]
    subprocess.run(command, env={**os.environ, "CARGO_TARGET_DIR": str(target)}, check=True)
    return target / "release" / "aioxide-bench-runtimes"


def take(program: Path, row: rows.Row, name: str, quick: bool) -> float:
    """One sample.

    Raises:
        RuntimeError: it failed; the message is the program's.
    """
    if row.name == "echo":
        command = (
            [processes.native("echo-floor")] if name == rows.FLOOR else [program, "echo", name]
        )
        seconds = "0.5" if quick else "1"
        with listening([str(word) for word in command]) as server:
            report = processes.load(
                server, "--size", "1024", "--warmup", "0.3", "--seconds", seconds
            )
        served: float = report["served"]
        return served / report["server_seconds"]
    done = subprocess.run(
        [program, row.name, name], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip() or f"{row.name} on {name}: {done.returncode}")
    return float(done.stdout)


@contextmanager
def listening(command: Sequence[str]) -> Iterator[processes.Server]:
    """Runs an echo server on a processor of its own."""
    with processes.pinned_to(processes.server_core()):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    with process:
        try:
            assert process.stdout is not None
            greeting, _, address = process.stdout.readline().strip().partition(" ")
            if greeting != "listening":
                raise RuntimeError(f"{' '.join(command)} did not start")
            yield processes.Server(process.pid, address)
        finally:
            process.kill()


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benches/run.py --only rust",
        description="Measure the Rust crate beside tokio's current-thread runtime and smol.",
        epilog="Rows: "
        + ", ".join(f"{rows.FAMILY}.{row.name}" for row in rows.ROWS)
        + f"; {rows.FAMILY}.{rows.EXTENSIONS} are those of aioxide-pyo3",
    )
    parser.add_argument("--only", metavar="ROW,ROW", required=True, help="rust, or some rows")
    parser.add_argument("--rounds", type=int, metavar="N", help=f"[{ROUNDS}]")
    parser.add_argument(
        "--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds: to try something"
    )
    parser.add_argument("--results", type=Path, metavar="DIR", help="where to write")
    options = parser.parse_args(arguments)
    if options.rounds is not None and options.rounds < 1:
        parser.error(f"at least 1 round is needed, not {options.rounds}")
    try:
        options.rows, options.extensions = rows.select(options.only)
    except ValueError as error:
        parser.error(str(error))
    return options


def main(arguments: Sequence[str]) -> int:
    """Measures, prints and writes; 1 if a sample failed."""
    options = parse(arguments)
    program = build() if options.rows else Path()
    facts = machine.facts([])
    rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    facts["settings"] = {
        "rounds": rounds,
        "quick": options.quick,
        "command": publish.command("bench", arguments),
    }
    samples: dict[tuple[str, str], list[float]] = {}
    failures = []
    for number in range(rounds):
        for row in options.rows:
            # One after the other: what slows the machine down slows all of them.
            for name in row.turns(number):
                try:
                    value = take(program, row, name, options.quick)
                except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
                    failures.append(f"{row.name} on {name} failed: {error}")
                    continue
                samples.setdefault((row.name, name), []).append(value)
    text = rows.table(options.rows, samples) if options.rows else ""
    extended = ""
    measured: dict[tuple[str, str], list[float]] = {}
    if options.extensions:
        measured, missing = extensions.measure(rounds, options.quick)
        failures += missing
        extended = extension_rows.table(measured)
    print(*filter(None, (text, extended)), sep="\n\n")
    print(*failures, sep="\n", file=sys.stderr)
    is_whole = options.rows == rows.ROWS and options.extensions
    complete = is_whole and not options.quick and not failures
    results = HERE.parent / "results"
    where = options.results or (results if complete else results / "partial")
    where.mkdir(parents=True, exist_ok=True)
    texts = "\n\n".join(filter(None, (text, extended)))
    (where / "rust.md").write_text(texts + "\n", encoding="utf-8")
    found = {
        row.name: {name: samples.get((row.name, name), []) for name in row.competitors()}
        for row in options.rows
    }
    extended_rows: dict[str, dict[str, list[float]]] = {}
    for (row_name, side), values in measured.items():
        extended_rows.setdefault(row_name, {})[side] = values
    whole = {**facts, "rows": found, "extensions": extended_rows}
    report = json.dumps(whole, indent=1, ensure_ascii=False)
    (where / "rust.json").write_text(report + "\n", encoding="utf-8")
    if where == results:
        publish.between_marks(PAGE, "bench:rust", f"{publish.sentence(facts)}\n\n{text}")
        publish.between_marks(PAGE, "bench:extensions", f"{publish.sentence(facts)}\n\n{extended}")
    print(f"written to {os.path.relpath(where)}")
    return 1 if failures else 0
