"""The command `aioxide-learn lab`, all of its actions. It runs on aioxide."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
from pathlib import Path

import aioxide

from aioxide_learn import lab_work, labs
from aioxide_learn.store import study
from aioxide_learn.store.database import AsyncDatabase
from aioxide_learn.timeline_text import as_text as timeline_as_text


def run(folder: Path, options: argparse.Namespace) -> int:
    """Run an action of the command; return its exit status.

    Raises:
        LabError: the lab does not exist, was not started, or its file is gone.
    """
    return aioxide.run(_run(folder, options))


async def _run(folder: Path, options: argparse.Namespace) -> int:
    database = AsyncDatabase()
    try:
        await database.open(folder)
        match options.action:
            case "list":
                return await _list(database)
            case "start":
                return await _start(database, folder, options.name, options.into)
            case "check":
                report = await lab_work.check(database, options.name)
                _print(report)
                return 0 if report.passed else 1
            case "hint":
                await _hint(database, options.name)
                return 0
            case "solution":
                await _solution(database, options.name)
                return 0
            case _:
                return await _watch(database, options.name)
    finally:
        await database.close()


async def _list(database: AsyncDatabase) -> int:
    states = await database.read(study.labs)
    known = labs.all_labs()
    width = max(len(lab.name) for lab in known)
    for lab in known:
        state = states.get(lab.name)
        done = "passed" if state and state.passed else "started" if state else ""
        print(f"{lab.name:{width}}  {lab.difficulty}  {done:7}  {lab.summary}")
    return 0


async def _start(database: AsyncDatabase, folder: Path, name: str, into: Path | None) -> int:
    lab = lab_work.find(name)
    state = await database.read(study.lab, name)
    if into is not None:
        place = into.expanduser().absolute()
    elif state is not None:
        place = Path(state.path)
    else:
        place = folder / "labs" / name
    written = lab_work.begin(lab, place)
    await database.write(study.start_lab, name, str(place))
    print(f"{'wrote' if written else 'kept, as it was there already:'} {place / lab_work.FILE}")
    print(f"The task is in {place / 'README.md'}; aioxide-learn lab watch {name} checks on save.")
    return 0


async def _watch(database: AsyncDatabase, name: str) -> int:
    state = await lab_work.started(database, name)
    place = Path(state.path)
    _print(await lab_work.check(database, name))
    keys = sys.stdin.isatty()
    wishes = "h shows a hint, s the solution, each with Enter; " if keys else ""
    print(f"watching {place} ({wishes}Ctrl-C ends it)", flush=True)
    async with asyncio.TaskGroup() as group:
        if keys:
            group.create_task(_fulfil_wishes(database, name), name="wishes")
        async for _ in lab_work.saves(place):
            try:
                report = await lab_work.check(database, name)
            except lab_work.LabError as error:
                print(error, flush=True)
                continue
            _print(report)
            if report.passed:
                print(f"aioxide-learn lab solution {name} shows a solution.", flush=True)
    return 0


async def _fulfil_wishes(database: AsyncDatabase, name: str) -> None:
    """Show hints and the solution as the learner asks for them on the terminal."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str] = asyncio.Queue(maxsize=16)

    def read_line() -> None:
        line = sys.stdin.readline()
        if not line:
            loop.remove_reader(sys.stdin)
        elif not lines.full():
            lines.put_nowait(line.strip())

    loop.add_reader(sys.stdin, read_line)
    try:
        while True:
            wish = await lines.get()
            if wish == "h":
                await _hint(database, name)
            elif wish == "s":
                await _solution(database, name)
    finally:
        loop.remove_reader(sys.stdin)


async def _hint(database: AsyncDatabase, name: str) -> None:
    """Show one hint more, below those that were shown before."""
    lab = lab_work.find(name)
    before = await lab_work.started(database, name)
    await database.write(study.show_hint, name, len(lab.hints))
    known = (await lab_work.started(database, name)).hints
    for number, hint in enumerate(lab.hints[:known], 1):
        print(f"Hint {number} of {len(lab.hints)}: {hint}\n")
    if before.hints == known:
        print("There are no more hints.", flush=True)


async def _solution(database: AsyncDatabase, name: str) -> None:
    lab = lab_work.find(name)
    await lab_work.started(database, name)
    await database.write(study.show_solution, name)
    print(lab.solution, flush=True)


def _print(report: labs.Report) -> None:
    for check in report.checks:
        print(f"{'ok  ' if check.passed else 'FAIL'} {check.name}")
        if check.message:
            print("     " + check.message.replace("\n", "\n     "))
    for finding in report.findings:
        line = f" line {finding.line}:" if finding.line else ""
        print(f"seen:{line} {finding.message}")
    for row in timeline_as_text(report.timeline, shutil.get_terminal_size().columns):
        print(row)
    passed = sum(check.passed for check in report.checks)
    print(
        "passed" if report.passed else f"{passed} of {len(report.checks)} checks passed", flush=True
    )
