"""Instructions per operation, counted by callgrind: the same number on a busy machine.

Each workload that counts operations runs twice under valgrind, once with twice the count;
the difference is what the operations took, without the interpreter's start and end. What
the kernel does is not counted.

    make instructions ARGS="--save before.json"
    make instructions ARGS="--against before.json"
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import loops
import rows

HERE = Path(__file__).parent

#: How often a workload does its operations in the shorter run: enough that a number does not
#: depend on the moment of a collection, few enough that it takes seconds.
COUNTS = {
    "scheduling.call_soon": 20_000,
    "scheduling.call_soon_batch": 20,
    "scheduling.sleep_zero": 20_000,
    "scheduling.future": 10_000,
    "tasks.create_task": 10_000,
    "tasks.loop_create_task": 10_000,
    "tasks.gather": 1,
    "tasks.task_group": 1,
    "tasks.cancel": 4,
    "timers.call_later_cancel": 200,
    "timers.timeout": 100,
    "timers.wait_for": 100,
    "synchronisation.queue": 10_000,
    "synchronisation.queue_handoff": 10_000,
    "synchronisation.queue_pair": 5_000,
    "synchronisation.lock": 10_000,
    "synchronisation.semaphore": 20,
    "synchronisation.event": 2,
}


def run_once(workload: str, count: int) -> None:
    """Runs a workload in this process, which callgrind watches."""
    loops.put_in_place("aioxide")
    module, _, function = workload.rpartition(".")
    body = getattr(importlib.import_module(f"workloads.{module}"), function).__wrapped__
    with asyncio.Runner(loop_factory=lambda: loops.new_event_loop("aioxide")) as runner:
        runner.run(body(count))


def instructions(workload: str, count: int) -> int:
    """What a process that runs the workload takes in all."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    command += [sys.executable, __file__, "--run", workload, "--count", str(count)]
    # Neither the hash of a string nor the place of the stack may differ between two runs.
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    return total_of(done.stderr)


def per_round(workload: str) -> float:
    """Instructions of one round of a workload: an operation, or as many as it always does."""
    count = COUNTS[workload]
    return (instructions(workload, 2 * count) - instructions(workload, count)) / count


def total_of(report: str) -> int:
    """The number of instructions that callgrind's report to standard error ends with.

    Raises:
        ValueError: there is none, since the program or valgrind failed.
    """
    total = re.search(r"Collected : (\d+)", report)
    if total is None:
        raise ValueError(f"callgrind counted nothing:\n{report}")
    return int(total[1])


def line_of(name: str, count: float, before: float | None) -> str:
    """A row of the table: now, and before with the ratio if that is known."""
    if before is None:
        return f"{name:45} {count:14,.0f}"
    return f"{name:45} {count:14,.0f} {before:14,.0f} {count / before:7.3f}"


def exceeded(counted: dict[str, float], before: dict[str, float], limit: float) -> list[str]:
    """The rows that take more than `limit` times what they took before."""
    return [name for name in counted if name in before and counted[name] > limit * before[name]]


def main() -> int:
    """Counts, prints, and compares; 1 if a row takes more than `--limit` allows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="rows whose name contains this")
    parser.add_argument("--save", type=Path, help="write the numbers to this file")
    parser.add_argument("--against", type=Path, help="compare with the numbers in this file")
    parser.add_argument("--limit", type=float, default=1.02, help="ratio that is too much")
    parser.add_argument("--run", choices=COUNTS, help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, default=1, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        run_once(arguments.run, arguments.count)
        return 0
    if shutil.which("valgrind") is None:
        parser.error("valgrind is not installed")
    before = json.loads(arguments.against.read_text()) if arguments.against else {}
    counted: dict[str, float] = {}
    for row in rows.ROWS:
        if row.workload not in COUNTS or arguments.only not in row.name:
            continue
        counted[row.name] = per_round(row.workload)
        print(line_of(row.name, counted[row.name], before.get(row.name)), flush=True)
        if arguments.save:
            arguments.save.write_text(json.dumps(counted, indent=1) + "\n")
    slower = exceeded(counted, before, arguments.limit)
    if slower:
        print(f"more than {arguments.limit} times as many: {', '.join(slower)}")
    return bool(slower)


if __name__ == "__main__":
    sys.exit(main())
