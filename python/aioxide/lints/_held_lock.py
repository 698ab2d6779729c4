"""Locks that are kept across an await while others wait."""

from __future__ import annotations

from typing import Any

from .. import _aioxide
from ._findings import Finding
from ._noted import place_made
from ._view import View, place_of, reference

__all__ = ("HeldLock",)

_LONGEST = 1.0


class HeldLock:
    """Finds locks whose first waiter has not got its turn for more than a second.

    asyncio's locks are fair: a release serves the first waiter. So the lock has not been released
    as long as the same one is the first.
    """

    def __init__(self) -> None:
        #: By ``id()`` of the lock: its first waiter, since when, and whether it was reported.
        self._before: dict[int, tuple[Any, float, bool]] = {}

    def look(self, view: View) -> list[Finding]:
        """Return the locks that have become too old since the last look."""
        found, current = [], {}
        by_id = {each.info.id: each for each in view.seen}
        stuck = {edge.waiter.id for cycle in view.graph.cycles for edge in cycle.edges}
        for lock, waiters in _contended(view):
            subject, first = id(lock), waiters[0]
            known, since, reported = self._before.get(subject, (None, view.now, False))
            if known is None or known() is not first:
                known, since, reported = reference(first), view.now, False
            holding = view.holders.get(subject, ())
            if view.now - since > _LONGEST and not reported and not stuck & set(holding):
                reported = True
                holder = by_id.get(holding[0]) if holding else None
                found.append(_finding(view, lock, holder, view.now - since))
            current[subject] = (known, since, reported)
        self._before = current
        return found


def _contended(view: View) -> list[tuple[Any, list[Any]]]:
    """Return the locks that tasks wait for, and the futures of these, the first one first."""
    locks: dict[int, tuple[Any, list[Any]]] = {}
    for each in view.seen:
        if each.found is not None and each.found.kind == "lock":
            lock = each.found.subject
            try:
                waiters = [future for future in tuple(lock._waiters or ()) if not future.done()]
            except (AttributeError, RuntimeError):
                continue
            if waiters and lock.locked():
                locks[id(lock)] = (lock, waiters)
    return list(locks.values())


def _finding(view: View, lock: Any, holder: Any, seconds: float) -> Finding:
    waiting = [
        each
        for each in view.seen
        if each.found is not None and each.found.subject is lock and each.found.kind == "lock"
    ]
    if holder is None:
        who, place = "a task", place_of(waiting[0]) if waiting else None
        where = ""
    else:
        who, place = f"task {holder.info.name!r}", place_of(holder)
        what = holder.info.waits_for
        where = f", which waits for {what.text}" if what is not None else ""
        where += f" at {place.file}:{place.line}" if place is not None else ""
    return Finding(
        "lock-held",
        f"a lock has been held for {seconds:.1f} s by {who}{where}",
        place=place,
        created=place_made(lock) or (None if holder is None else holder.info.created),
        seconds=seconds,
        task=0 if holder is None else _aioxide._task_id(holder.task) or 0,
        victims=tuple(each.info.name for each in waiting),
        fix="Await outside of the lock, and hold it only while the shared state is changed.",
    )
