"""Queues without a limit that only grow."""

from __future__ import annotations

from typing import Any, NamedTuple

from ._findings import Finding
from ._noted import QUEUES, WeakMap, place_made
from ._view import View, place_of

__all__ = ("GrowingQueue",)

_LONGEST = 10.0


class _Growth(NamedTuple):
    """A queue at the last look, and since when it grows."""

    length: int
    since: float
    length_then: int
    reported: bool


class GrowingQueue:
    """Finds queues without a limit that were longer at each look of 10 s."""

    def __init__(self) -> None:
        self._before: WeakMap[_Growth] = WeakMap()

    def look(self, view: View) -> list[Finding]:
        """Return the queues that have grown for too long."""
        found = []
        for queue in view.objects(QUEUES):
            try:
                length, bound = queue.qsize(), queue.maxsize
            except Exception:
                # A subclass may do anything.
                continue
            if bound > 0:
                continue
            before = self._before.get(queue)
            if before is None or length <= before.length:
                growth = _Growth(length, view.now, length, False)
            else:
                growth = before._replace(length=length)
                if view.now - growth.since >= _LONGEST and not growth.reported:
                    growth = growth._replace(reported=True)
                    found.append(_finding(view, queue, growth))
            self._before.put(queue, growth)
        return found


def _finding(view: View, queue: Any, growth: _Growth) -> Finding:
    user, created = view.user_of(queue), place_made(queue)
    seconds = view.now - growth.since
    sentence = (
        f"a queue without a limit has grown from {growth.length_then} to {growth.length} items in "
        f"{seconds:.0f} s"
    )
    place = place_of(user) if user is not None else None
    if user is not None:
        sentence += f", and task {user.info.name!r} ({user.info.coroutine}) has it"
        sentence += f" at {place.file}:{place.line}" if place is not None else ""
    return Finding(
        "queue-grows",
        sentence,
        place=place or created,
        created=created,
        seconds=seconds,
        fix="Give it a `maxsize`, so that `put()` waits, or more consumers.",
    )
