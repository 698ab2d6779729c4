"""A learner's work on a lab: the folder it is done in, and checks that are kept."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from aioxide_learn import clock, labs
from aioxide_learn.store import study

if TYPE_CHECKING:
    import asyncio

    from aioxide_learn.store.database import AsyncDatabase
    from aioxide_learn.store.study import LabState

#: The learner's file in the folder of a lab.
FILE = "starter.py"


class LabError(Exception):
    """Something cannot be done to a lab; the message names it and says why."""


def find(name: str) -> labs.Lab:
    """Return a lab of the course.

    Raises:
        LabError: there is none of this name; the message lists those that are there.
    """
    known = {lab.name: lab for lab in labs.all_labs()}
    if name not in known:
        raise LabError(f"there is no lab {name!r}; there are {', '.join(known)}")
    return known[name]


def begin(lab: labs.Lab, folder: Path) -> bool:
    """Write the task and the starter file of a lab into a folder.

    A file that is there already stays as it is.

    Returns:
        Whether the starter file was written.

    Raises:
        LabError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in (("README.md", lab.readme), (FILE, lab.starter)):
            try:
                with open(folder / name, "x", encoding="utf-8") as file:
                    file.write(text)
                written = True
            except FileExistsError:
                written = False
        return written
    except OSError as error:
        raise LabError(f"{folder}: {error.strerror or error}") from error


async def started(database: AsyncDatabase, name: str) -> LabState:
    """Return the state of a lab that the learner works on.

    Raises:
        LabError: it was never started.
    """
    state = await database.read(study.lab, name)
    if state is None:
        raise LabError(f"the lab {name!r} has not been started: aioxide-learn lab start {name}")
    return state


async def check(database: AsyncDatabase, name: str) -> labs.Report:
    """Run the checks of a lab on the learner's file and keep the report.

    Raises:
        LabError: the lab was not started, or its file is gone.
    """
    lab = find(name)
    state = await started(database, name)
    path = Path(state.path) / FILE
    try:
        report = await labs.check(lab, path)
    except FileNotFoundError:
        raise LabError(
            f"{path} is missing: `aioxide-learn lab start {name}` writes it anew"
        ) from None
    await database.write(study.keep_report, name, report.to_dict(), report.passed, clock.now())
    return report


async def saves(folder: Path, stop: asyncio.Event | None = None) -> AsyncIterator[None]:
    """Yield whenever a Python file in a folder was saved, until ``stop`` is set.

    Raises:
        LabError: there is no such folder.
    """
    import watchfiles

    def is_python(change: watchfiles.Change, path: str) -> bool:
        return re.search(r"\.py$", path) is not None

    if not folder.is_dir():
        raise LabError(f"{folder} is missing")
    async for _ in watchfiles.awatch(
        folder, watch_filter=is_python, stop_event=stop, debounce=100, step=20, recursive=False
    ):
        yield
