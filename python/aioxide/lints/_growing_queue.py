"""Queues without a limit that only grow."""

from __future__ import annotations

import asyncio
import weakref
from typing import Any

from ..introspect._tasks import Seen
from ._findings import Finding
from ._view import View, object_kinds, place_of

__all__ = ("GrowingQueue",)

_LONGEST = 10.0


class GrowingQueue:
    """Finds queues without a limit that were longer at each look of 10 s."""

    def __init__(self) -> None:
        self._kinds = object_kinds("Queue")
        #: By queue: its length at the last look, since when it grows, its length then, reported.
        self._before: weakref.WeakKeyDictionary[
            asyncio.Queue[Any], tuple[int, float, int, bool]
        ] = weakref.WeakKeyDictionary()

    def look(self, view: View) -> list[Finding]:
        """Return the queues that have grown for too long."""
        found = []
        for queue, seen in view.objects(self._kinds):
            try:
                length, bound = queue.qsize(), queue.maxsize
            except Exception:
                # A subclass may do anything.
                continue
            if bound > 0:
                continue
            last, since, first, reported = self._before.get(
                queue, (length, view.now, length, False)
            )
            if length <= last:
                since, first, reported = view.now, length, False
            elif view.now - since >= _LONGEST and not reported:
                reported = True
                found.append(_finding(seen, view.now - since, first, length))
            self._before[queue] = (length, since, first, reported)
        return found


def _finding(seen: Seen, seconds: float, first: int, length: int) -> Finding:
    return Finding(
        "queue-grows",
        f"a queue without a limit that task {seen.info.name!r} ({seen.info.coroutine}) uses has "
        f"grown from {first} to {length} items in {seconds:.0f} s",
        place=place_of(seen),
        created=seen.info.created,
        seconds=seconds,
        fix="Give it a `maxsize`, so that `put()` waits, or more consumers.",
    )
