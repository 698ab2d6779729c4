"""Streams that are written to faster than they are sent."""

from __future__ import annotations

import weakref
from typing import Any

from ..introspect._tasks import Seen
from ._findings import Finding
from ._view import View, object_kinds, place_of

__all__ = ("UnsentBytes",)

_MOST = 1 << 20


class UnsentBytes:
    """Finds streams with more than 1 MiB unsent at two looks, and nobody in ``drain()``."""

    def __init__(self) -> None:
        self._kinds = object_kinds("StreamWriter")
        #: By stream: since when, and whether it was reported.
        self._before: weakref.WeakKeyDictionary[Any, tuple[float, bool]] = (
            weakref.WeakKeyDictionary()
        )

    def look(self, view: View) -> list[Finding]:
        """Return the streams that have become too full."""
        found = []
        drained = {
            id(each.found.subject)
            for each in view.seen
            if each.found is not None and each.found.kind == "write"
        }
        for writer, seen in view.objects(self._kinds):
            try:
                unsent = writer.transport.get_write_buffer_size()
            except Exception:
                # Not every transport counts.
                continue
            if unsent <= _MOST or id(writer) in drained:
                self._before.pop(writer, None)
                continue
            since, reported = self._before.get(writer, (view.now, False))
            if view.now > since and not reported:
                reported = True
                found.append(_finding(seen, view.now - since, unsent))
            self._before[writer] = (since, reported)
        return found


def _finding(seen: Seen, seconds: float, unsent: int) -> Finding:
    return Finding(
        "unsent-bytes",
        f"{unsent / _MOST:.1f} MiB that were written to a stream of task {seen.info.name!r} "
        f"({seen.info.coroutine}) are not sent yet, and nobody awaits drain()",
        place=place_of(seen),
        created=seen.info.created,
        seconds=seconds,
        fix="Call `await writer.drain()` after each `writer.write(…)`.",
    )
