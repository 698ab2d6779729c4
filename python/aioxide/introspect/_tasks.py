"""The tasks that are not done."""

from __future__ import annotations

import asyncio
import sys
from asyncio import tasks as _asyncio_tasks
from dataclasses import dataclass
from typing import Any

from .. import _aioxide
from .._loop.forking import known_loops
from ._chains import Link, chain
from ._found import Found, Wait
from ._futures import one_look
from ._places import Place, is_package
from ._waits import find_wait

__all__ = ("Seen", "TaskInfo", "created", "live_tasks", "look_at", "tasks")


@dataclass(frozen=True, slots=True)
class TaskInfo:
    """A task at the moment when it was looked at."""

    id: int
    """``id()`` of the task object."""
    name: str
    """Its name."""
    coroutine: str
    """The qualified name of its coroutine."""
    state: str
    """``running``, ``ready`` (it waits for its turn) or ``waiting``."""
    loop: int
    """``id()`` of its loop."""
    waits_for: Wait | None
    """What it waits for; None unless it is waiting."""
    stack: tuple[Place, ...]
    """Where it is suspended, the outermost coroutine first; empty if it has not begun."""
    created: Place | None
    """Where it was made; None unless its loop was in debug mode, it was recorded, or lints
    looked."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A task with the objects that were found, for this package."""

    task: asyncio.Task[Any]
    info: TaskInfo
    links: list[Link]
    found: Found | None


def tasks(loop: asyncio.AbstractEventLoop | None = None) -> list[TaskInfo]:
    """Return the tasks that are not done, sorted by name.

    Arguments:
        loop: only the tasks of this loop. By default those of every loop of the process; from
            Python 3.14 on, of every aioxide loop and the one that runs in this thread.
    """
    return [seen.info for seen in look_at(live_tasks(loop))]


def live_tasks(loop: asyncio.AbstractEventLoop | None = None) -> list[asyncio.Task[Any]]:
    """Return the task objects, sorted by name; see ``tasks``."""
    found: set[asyncio.Task[Any]] = set()
    if loop is not None:
        found.update(asyncio.all_tasks(loop))
    elif sys.version_info >= (3, 14):
        loops = set(known_loops())
        running = asyncio.events._get_running_loop()
        loops.update([running] if running is not None else [])
        for each in loops:
            found.update(asyncio.all_tasks(each))
    else:
        found.update(_aioxide._live_tasks())
        for name in ("_scheduled_tasks", "_all_tasks", "_eager_tasks"):
            found.update(_copy(getattr(_asyncio_tasks, name, ())))
    return sorted((task for task in found if not task.done()), key=_order)


def _copy(weak_set: Any) -> list[asyncio.Task[Any]]:
    # Another thread may add a task meanwhile.
    for _ in range(1000):
        try:
            return list(weak_set)
        except RuntimeError:
            continue
    return []


def _order(task: asyncio.Task[Any]) -> tuple[str, int, int]:
    name = task.get_name()
    head = name.rstrip("0123456789")
    return head, int(name[len(head) :][:18] or 0), id(task)


def look_at(live: list[asyncio.Task[Any]]) -> list[Seen]:
    """Return what each task does at this moment."""
    running: dict[int, Any] = {}
    seen = []
    with one_look():
        for task in live:
            loop = task.get_loop()
            if id(loop) not in running:
                running[id(loop)] = _running_task(loop)
            seen.append(_look(task, loop, task is running[id(loop)]))
    return seen


def _running_task(loop: asyncio.AbstractEventLoop) -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task(loop)
    except RuntimeError:
        return None


def _look(task: asyncio.Task[Any], loop: asyncio.AbstractEventLoop, running: bool) -> Seen:
    coroutine = task.get_coro()
    # A task that was started eagerly and is done has none; others have one as long as they live.
    links = chain(coroutine)
    waiter = getattr(task, "_fut_waiter", None)
    found = None
    if running:
        state = "running"
    elif waiter is None or waiter.done():
        state = "ready"
    else:
        state = "waiting"
        found = find_wait(links, waiter)
    begun = running or any(_has_begun(link) for link in links[:1])
    info = TaskInfo(
        id=id(task),
        name=task.get_name(),
        coroutine=getattr(coroutine, "__qualname__", None) or type(coroutine).__qualname__,
        state=state,
        loop=id(loop),
        waits_for=found and _public(found),
        stack=tuple(link.place for link in links if link.place is not None) if begun else (),
        created=created(task),
    )
    return Seen(task, info, links, found)


def _has_begun(link: Link) -> bool:
    suspended = getattr(link.awaitable, "cr_suspended", None)
    return True if suspended is None else bool(suspended)


def _public(found: Found) -> Wait:
    subject = None if found.subject is None else id(found.subject)
    return Wait(found.kind, found.text, tuple(id(task) for task in found.tasks), subject)


def created(task: Any) -> Place | None:
    """Return where a task or a future was made, as debug mode, the recorder or lints have noted."""
    frames = getattr(task, "_source_traceback", None) or ()
    places = [Place(each.filename, each.lineno or 0, each.name) for each in frames]
    own = [place for place in places if not is_package(place.file)]
    if own:
        return own[-1]
    recorded = _aioxide._created_at(task)
    return Place(*recorded) if recorded is not None else None
