"""Tasks that wait for one another in a circle."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .. import _aioxide
from ..introspect import Cycle, Edge
from ..introspect._tasks import Seen
from ._evidence import Evidence, evidence_of, may_anything_else_run
from ._findings import Finding
from ._view import View, has_deadline, reference

__all__ = ("Deadlock",)

#: Seconds that a circle has to last. One that only seems to be, since the loop went on while it
#: was looked at, is gone by then.
_LASTS = 0.5
#: The same where a semaphore, or a lock that was acquired by a call, is in it. Anybody may release
#: these, and what is known of them is what was seen so far.
_LASTS_IF_UNSURE = 5.0
_NEED_ALL = ("task", "gather", "task group")


@dataclass(frozen=True)
class _Knot:
    """Tasks none of which can go on before another one does."""

    edges: tuple[Edge, ...]
    """Each waits for the next one, or all for one semaphore, of which they have all permits."""
    permits: int
    """How many these are; 0 for a circle."""
    unsure: bool

    @property
    def members(self) -> frozenset[int]:
        return frozenset(edge.waiter.id for edge in self.edges)

    @property
    def subjects(self) -> set[int]:
        return {edge.subject for edge in self.edges if edge.subject is not None}


class Deadlock:
    """Finds circles of locks, semaphores and awaited tasks.

    A lock or a semaphore is in a circle only if those who have it have to release it:
    ``_evidence.py`` says when that is known. Where tasks have called ``acquire()``, and it is not
    known yet that they release what they have, another task, a timer or a callback may be meant
    to. So such a lock is in a circle only if other locks alone are, as where two tasks acquire two
    locks in opposite order; or if nothing else is left in the process that could run.
    """

    def __init__(self) -> None:
        #: By the tasks of the circle: when it was first seen, and what each task waited for.
        self._before: dict[frozenset[int], tuple[float, dict[int, Any]]] = {}
        self._reported: set[frozenset[int]] = set()

    def look(self, view: View) -> list[Finding]:
        """Return the circles that have lasted and were not reported yet."""
        by_id = {each.info.id: each for each in view.seen}
        found, current = [], {}
        taken: set[int] = set()
        subjects: set[int] = set()
        for knot in _knots(view, by_id):
            members = knot.members
            if members & taken or knot.subjects & subjects:
                # One circle is told of each knot.
                continue
            taken |= members
            subjects |= knot.subjects
            waiters = {id_: by_id[id_].task._fut_waiter for id_ in members}
            since, before = self._before.get(members, (view.now, {}))
            if any(id_ not in before or before[id_]() is not waiters[id_] for id_ in members):
                since = view.now
                before = {id_: reference(waiter) for id_, waiter in waiters.items()}
            current[members] = (since, before)
            lasts = _LASTS_IF_UNSURE if knot.unsure else _LASTS
            if view.now - since >= lasts and members not in self._reported:
                self._reported.add(members)
                first = by_id[knot.edges[0].waiter.id].task
                found.append(_finding(knot, view, first, view.now - since))
        self._before = current
        self._reported &= set(current)
        return found


def _knots(view: View, by_id: dict[int, Seen]) -> Iterator[_Knot]:
    edges: dict[int, list[Edge]] = {}
    for edge in view.graph.edges:
        edges.setdefault(edge.waiter.id, []).append(edge)
    evidence = {id_: evidence_of(view, by_id[id_]) for id_ in edges}
    stuck = _stuck(edges, by_id, evidence, (Evidence.OWNED,))
    at_most = _stuck(edges, by_id, evidence, (Evidence.OWNED, Evidence.ACQUIRED))
    if stuck != at_most and not may_anything_else_run(view, at_most):
        stuck = at_most
    yield from _own_permits(view, edges, stuck)
    for cycle in view.graph.cycles:
        members = {edge.waiter.id for edge in cycle.edges}
        if members <= stuck or (members <= at_most and _is_of_locks(cycle)):
            unsure = any(
                edge.kind == "semaphore" or edge.subject in view.acquired for edge in cycle.edges
            )
            yield _Knot(cycle.edges, 0, unsure)


def _own_permits(view: View, edges: dict[int, list[Edge]], stuck: set[int]) -> Iterator[_Knot]:
    """Yield the semaphores all permits of which are held by tasks that wait for another one."""
    semaphores = dict.fromkeys(
        waits[0].subject for waits in edges.values() if waits[0].kind == "semaphore"
    )
    for semaphore in semaphores:
        holders = view.holders.get(semaphore or 0, ())
        waits = [edges[id_][0] for id_ in dict.fromkeys(holders) if id_ in stuck]
        if len(waits) == len(set(holders)) and all(each.subject == semaphore for each in waits):
            yield _Knot(tuple(waits), len(holders), True)


def _is_of_locks(cycle: Cycle) -> bool:
    """Whether nothing but locks is in it, and more than one."""
    return all(edge.kind == "lock" for edge in cycle.edges) and len(cycle.edges) > 1


def _stuck(
    edges: dict[int, list[Edge]],
    by_id: dict[int, Seen],
    evidence: dict[int, Evidence],
    enough: tuple[Evidence, ...],
) -> set[int]:
    """Return the tasks that cannot go on before another one of them goes on."""
    stuck = {id_ for id_ in edges if not has_deadline(by_id[id_].links)}
    while True:
        free = {id_ for id_ in stuck if not _is_stuck(edges[id_], stuck, evidence[id_] in enough)}
        if not free:
            return stuck
        stuck -= free


def _is_stuck(edges: list[Edge], stuck: set[int], is_owned: bool) -> bool:
    targets = [edge.holder.id in stuck for edge in edges]
    if edges[0].kind in _NEED_ALL:
        return any(targets)
    return edges[0].kind in ("lock", "semaphore") and is_owned and all(targets)


def _finding(knot: _Knot, view: View, task: asyncio.Task[Any], seconds: float) -> Finding:
    members, subjects = knot.members, knot.subjects
    victims = [
        edge.waiter.name
        for edge in view.graph.edges
        if edge.waiter.id not in members and (edge.holder.id in members or edge.subject in subjects)
    ]
    count = len(knot.edges)
    if knot.permits:
        who = "a task has waited for itself" if count == 1 else f"{count} tasks have waited"
        what = _waits_for_own_permits(knot)
        fix = (
            "Let no task wait for a permit while it has one: acquire it once, and call what needs "
            "it inside."
        )
    else:
        again = count == 1 and knot.edges[0].kind == "lock"
        who = (
            "a task has waited for itself"
            if count == 1
            else f"{count} tasks have waited in a circle"
        )
        what = str(Cycle(knot.edges))
        fix = (
            "asyncio's locks are not reentrant: acquire it once, and call what needs it inside."
            if again
            else "Acquire the locks in the same order everywhere, or wait with "
            "`asyncio.timeout(…)`."
        )
    return Finding(
        "deadlock",
        f"{who} for {seconds:.1f} s: {what}",
        place=knot.edges[0].place,
        created=knot.edges[0].waiter.created,
        seconds=seconds,
        task=_aioxide._task_id(task) or 0,
        victims=tuple(dict.fromkeys(victims)),
        fix=fix,
    )


def _waits_for_own_permits(knot: _Knot) -> str:
    """Return a sentence on tasks that wait for a semaphore whose permits they have themselves."""
    waits = [
        f"task {edge.waiter.name!r} waits"
        + (f" at {edge.place.file}:{edge.place.line}" if edge.place else "")
        for edge in knot.edges
    ]
    permits = "only permit" if knot.permits == 1 else f"{knot.permits} permits"
    have = "it has itself" if len(waits) == 1 else "they have themselves"
    return f"{', '.join(waits)} for a semaphore whose {permits} {have}"
