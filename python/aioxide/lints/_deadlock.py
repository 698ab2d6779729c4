"""Tasks that wait for one another in a circle."""

from __future__ import annotations

import asyncio
from typing import Any

from .. import _aioxide
from ..introspect import Cycle, Edge
from ..introspect._tasks import Seen
from ._findings import Finding
from ._view import View, has_deadline, object_kinds, reference

__all__ = ("Deadlock",)

#: Seconds that a circle has to last. One that only seems to be, since the loop went on while it
#: was looked at, is gone by then.
_LASTS = 0.5
#: A semaphore may have been acquired by a task that is not known, and be released by it; a lock
#: that was acquired without a block, by any task.
_LASTS_IF_UNSURE = 5.0
_NEED_ALL = ("task", "gather", "task group")
_BOUNDED = object_kinds("BoundedSemaphore")


class Deadlock:
    """Finds circles of locks, semaphores and awaited tasks."""

    def __init__(self) -> None:
        #: By the tasks of the circle: when it was first seen, and what each task waited for.
        self._before: dict[frozenset[int], tuple[float, dict[int, Any]]] = {}
        self._reported: set[frozenset[int]] = set()

    def look(self, view: View) -> list[Finding]:
        """Return the circles that have lasted and were not reported yet."""
        by_id = {each.info.id: each for each in view.seen}
        stuck = _stuck(view, by_id)
        found, current = [], {}
        taken: set[int] = set()
        subjects: set[int] = set()
        for cycle in view.graph.cycles:
            members = frozenset(edge.waiter.id for edge in cycle.edges)
            own = {edge.subject for edge in cycle.edges if edge.subject is not None}
            if not members <= stuck or members & taken or own & subjects:
                # One circle is told of each knot.
                continue
            taken |= members
            subjects |= own
            waiters = {id_: by_id[id_].task._fut_waiter for id_ in members}
            since, before = self._before.get(members, (view.now, {}))
            if any(id_ not in before or before[id_]() is not waiters[id_] for id_ in members):
                since = view.now
                before = {id_: reference(waiter) for id_, waiter in waiters.items()}
            current[members] = (since, before)
            unsure = any(
                edge.kind == "semaphore" or edge.subject in view.acquired for edge in cycle.edges
            )
            lasts = _LASTS_IF_UNSURE if unsure else _LASTS
            if view.now - since >= lasts and members not in self._reported:
                self._reported.add(members)
                first = by_id[cycle.edges[0].waiter.id].task
                found.append(_finding(cycle, view, members, first, view.now - since))
        self._before = current
        self._reported &= set(current)
        return found


def _stuck(view: View, by_id: dict[int, Seen]) -> set[int]:
    """Return the tasks that cannot go on before another one of them goes on."""
    edges: dict[int, list[Edge]] = {}
    for edge in view.graph.edges:
        edges.setdefault(edge.waiter.id, []).append(edge)
    stuck = {
        id_
        for id_ in edges
        if not has_deadline(by_id[id_].links) and not _has_spare_permits(by_id[id_], view)
    }
    while True:
        free = {id_ for id_ in stuck if not _is_stuck(edges[id_], stuck)}
        if not free:
            return stuck
        stuck -= free


def _is_stuck(edges: list[Edge], stuck: set[int]) -> bool:
    targets = [edge.holder.id in stuck for edge in edges]
    if edges[0].kind in _NEED_ALL:
        return any(targets)
    return edges[0].kind in ("lock", "semaphore") and all(targets)


def _has_spare_permits(seen: Seen, view: View) -> bool:
    """Whether someone else than the tasks inside ``async with`` has a permit."""
    found = seen.found
    if found is None or not isinstance(found.subject, _BOUNDED):
        return False
    bound = getattr(found.subject, "_bound_value", None)
    return bound is not None and bound > len(view.holders.get(id(found.subject), ()))


def _finding(
    cycle: Cycle, view: View, members: frozenset[int], task: asyncio.Task[Any], seconds: float
) -> Finding:
    subjects = {edge.subject for edge in cycle.edges if edge.subject is not None}
    victims = [
        edge.waiter.name
        for edge in view.graph.edges
        if edge.waiter.id not in members and (edge.holder.id in members or edge.subject in subjects)
    ]
    again = len(cycle.edges) == 1 and cycle.edges[0].kind == "lock"
    count = len(cycle.edges)
    who = "a task has waited for itself" if count == 1 else f"{count} tasks have waited in a circle"
    fix = (
        "asyncio's locks are not reentrant: acquire it once, and call what needs it inside."
        if again
        else "Acquire the locks in the same order everywhere, or wait with `asyncio.timeout(…)`."
    )
    return Finding(
        "deadlock",
        f"{who} for {seconds:.1f} s: {cycle}",
        place=cycle.edges[0].place,
        created=cycle.edges[0].waiter.created,
        seconds=seconds,
        task=_aioxide._task_id(task) or 0,
        victims=tuple(dict.fromkeys(victims)),
        fix=fix,
    )
