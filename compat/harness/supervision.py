"""One program on one loop, in processes of its own, with a deadline."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .catalogue import Program
from .given import command_of
from .records import Record, read

_HERE = Path(__file__).resolve().parent.parent

sys.path.append(str(_HERE.parent / "supervision"))

from process_group import ProcessGroup, exit_in_words  # noqa: E402

__all__ = ("Place", "Run", "run_program")

# What a process that was told to end, or whose parent has ended, may take for it.
_GRACE_SECONDS = 10.0


@dataclass(frozen=True)
class Place:
    """Where programs run: what does not change from one to the next."""

    # The interpreter of the environment with their packages.
    python: Path
    # Takes logs and folders of the programs.
    folder: Path
    # Those of the program's servers, if it needs any.
    certificates: Path | None
    quick: bool
    # Whether aioxide looks for faults of the programs.
    lints: bool = False


@dataclass
class Run:
    """How a program went on one loop."""

    loop: str
    # What went wrong, or None.
    error: str | None
    # What it did, in the order in which it was done.
    steps: list[str]
    seconds: float
    log: Path
    records: list[Record] = field(default_factory=list)
    # What came of what it did: to be the same on both loops.
    facts: list[list[Any]] = field(default_factory=list)


def run_program(
    program: Program, loop: str, place: Place, servers: dict[str, dict[str, Any]]
) -> Run:
    """Run a program on a loop and wait for all of its processes.

    Args:
        program: which one.
        loop: ``"aioxide"`` or ``"asyncio"``.
        place: where.
        servers: what the program is told of the servers and tools it needs.
    """
    folder = place.folder / loop / program.name
    shutil.rmtree(folder, ignore_errors=True)
    own, records = folder / "files", folder / "records"
    own.mkdir(parents=True)
    records.mkdir()
    report, log = folder / "report.json", folder / "output.log"
    command = [str(place.python), *command_of(program, loop)]
    command += [str(_HERE / "run_program.py"), program.name, "--loop", loop]
    command += ["--folder", str(own)]
    command += ["--certificates", str(place.certificates)] if place.certificates else []
    command += ["--servers", json.dumps(servers), "--report", str(report)]
    command += ["--deadline", str(program.deadline)] + (["--quick"] if place.quick else [])
    environment = _environment(records)
    if place.lints and loop == "aioxide":
        environment["AIOXIDE_WATCH"] = "1"
    started = time.perf_counter()
    with log.open("wb") as output:
        group = ProcessGroup(command, folder=own, environment=environment, output=output)
        try:
            # It ends itself at its deadline, with the stacks of its threads in the log.
            status = group.wait(program.deadline + _GRACE_SECONDS)
        finally:
            left = group.end(grace=_GRACE_SECONDS if group.status == 0 else 0.0)
    seconds = time.perf_counter() - started
    error = None
    if seconds >= program.deadline:
        error = f"was not done after {program.deadline:.0f} s"
    elif status:
        error = exit_in_words(status)
    run = Run(loop, error, [], seconds, log, read(records))
    if report.exists():
        told = json.loads(report.read_text())
        run.steps, run.seconds = told["steps"], told["seconds"]
        run.facts = told.get("facts", [])
        run.error = told["error"] or run.error
    if run.error is None and left:
        run.error = f"processes were left behind: {', '.join(left)}"
    return run


def _environment(records: Path) -> dict[str, str]:
    """The environment in which development mode reaches every Python that a program starts."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "PYTEST", "DASK", "REDIS", "PG", "AIOXIDE"))
    }
    # aioxide is not installed beside the programs: an extension in a second environment would be
    # a second build. The folder of the package stands on the path instead.
    path = [str(_HERE / "recorder"), str(_HERE.parent / "python")]
    environment["PYTHONPATH"] = os.pathsep.join(path)
    environment["PYTHONDEVMODE"] = "1"
    environment["COMPAT_RECORDS"] = str(records)
    return environment
