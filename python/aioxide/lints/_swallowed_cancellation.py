"""Tasks that go on after they were cancelled."""

from __future__ import annotations

import asyncio
import weakref
from typing import Any

from ..introspect import Place
from ..introspect._chains import referents
from ..introspect._tasks import Seen
from ._findings import Finding
from ._view import View, place_of

__all__ = ("SwallowedCancellation",)

_LONGEST = 5.0


class SwallowedCancellation:
    """Finds tasks that still run 5 s after a request, and are not busy with the cancellation.

    A coroutine in an ``except`` or ``finally`` block keeps the exception, which the collector
    sees: cleaning up may take its time.
    """

    def __init__(self) -> None:
        #: By task: requests, since when, the place then, and whether it was reported.
        self._before: weakref.WeakKeyDictionary[
            asyncio.Task[Any], tuple[int, float, Place | None, bool]
        ] = weakref.WeakKeyDictionary()

    def look(self, view: View) -> list[Finding]:
        """Return the tasks that have gone on for too long since the last look."""
        found = []
        for each in view.seen:
            requests = _requests(each.task)
            if requests == 0:
                self._before.pop(each.task, None)
                continue
            place = place_of(each)
            before = self._before.get(each.task)
            if before is None or before[0] != requests or _handles_it(each):
                self._before[each.task] = (requests, view.now, place, False)
                continue
            _, since, first_place, reported = before
            if view.now - since >= _LONGEST and not reported:
                self._before[each.task] = (requests, since, first_place, True)
                found.append(_finding(each, view.now - since, first_place, place))
        return found


def _requests(task: asyncio.Task[Any]) -> int:
    try:
        return int(task.cancelling())
    except Exception:
        # A task of another library need not have it.
        return 0


def _handles_it(seen: Seen) -> bool:
    if getattr(seen.task, "_must_cancel", False):
        return True
    return any(
        isinstance(value, asyncio.CancelledError)
        for link in seen.links
        for value in referents(link)
    )


def _finding(seen: Seen, seconds: float, first: Place | None, now: Place | None) -> Finding:
    sentence = (
        f"task {seen.info.name!r} ({seen.info.coroutine}) was cancelled {seconds:.1f} s ago and "
        f"still runs"
    )
    if now is not None:
        sentence += f", now at {now.file}:{now.line}"
    if first is not None and first != now:
        sentence += f", after the request at {first.file}:{first.line}"
    return Finding(
        "cancellation-swallowed",
        sentence,
        place=now or first,
        created=seen.info.created,
        seconds=seconds,
        fix=(
            "Raise `CancelledError` again after cleaning up, or call `task.uncancel()` if the task "
            "is to go on."
        ),
    )
