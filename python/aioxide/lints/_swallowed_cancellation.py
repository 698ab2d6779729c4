"""Tasks that go on after they were cancelled."""

from __future__ import annotations

import asyncio
import weakref
from typing import Any, NamedTuple

from .. import _aioxide
from ..introspect import Place
from ..introspect._chains import referents
from ..introspect._tasks import Seen
from ._findings import Finding
from ._noted import Request, request_of
from ._view import View, place_of

__all__ = ("SwallowedCancellation",)

_LONGEST = 5.0


class _Cancelled(NamedTuple):
    """A task that was cancelled, and is not busy with it."""

    requests: int
    since: float
    #: Where it was then.
    place: Place | None
    reported: bool


class SwallowedCancellation:
    """Finds tasks that still run 5 s after a request, and are not busy with the cancellation.

    A coroutine in an ``except`` or ``finally`` block keeps the exception, which the collector
    sees: cleaning up may take its time.
    """

    def __init__(self) -> None:
        self._before: weakref.WeakKeyDictionary[asyncio.Task[Any], _Cancelled] = (
            weakref.WeakKeyDictionary()
        )

    def look(self, view: View) -> list[Finding]:
        """Return the tasks that have gone on for too long since the last look."""
        found = []
        for each in view.seen:
            requests = _requests(each.task)
            if requests == 0:
                self._before.pop(each.task, None)
                continue
            before = self._before.get(each.task)
            if before is None or before.requests != requests or _handles_it(each):
                self._before[each.task] = _Cancelled(requests, view.now, place_of(each), False)
                continue
            if view.now - before.since >= _LONGEST and not before.reported:
                self._before[each.task] = before._replace(reported=True)
                found.append(_finding(each, view.now - before.since, before.place))
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


def _finding(seen: Seen, seconds: float, first: Place | None) -> Finding:
    request, now = request_of(seen.task), place_of(seen)
    if request is None:
        # It was made before the lints looked, or the task is not aioxide's.
        request = Request(0.0, None, first if first != now else None)
    sentence = (
        f"task {seen.info.name!r} ({seen.info.coroutine}) was cancelled{_at(request.requested)} "
        f"{seconds:.1f} s ago"
    )
    if request.delivered is not None:
        sentence += f", got it at the await{_at(request.delivered, 'in')}"
    sentence += " and still runs"
    if now is not None:
        sentence += f", now{_at(now)}"
    return Finding(
        "cancellation-swallowed",
        sentence,
        place=request.delivered or now or first,
        created=seen.info.created,
        seconds=seconds,
        task=_aioxide._task_id(seen.task) or 0,
        fix=(
            "Raise `CancelledError` again after cleaning up, or call `task.uncancel()` if the task "
            "is to go on."
        ),
    )


def _at(place: Place | None, word: str = "at") -> str:
    return f" {word} {place.file}:{place.line}" if place is not None else ""
