"""Streams that are written to faster than they are sent."""

from __future__ import annotations

from typing import Any

from ._findings import Finding
from ._noted import WRITERS, WeakMap, place_made
from ._view import View, place_of

__all__ = ("UnsentBytes",)

_MOST = 1 << 20


class UnsentBytes:
    """Finds streams with more than 1 MiB unsent at two looks, and nobody in ``drain()``."""

    def __init__(self) -> None:
        #: By stream: since when, and whether it was reported.
        self._before: WeakMap[tuple[float, bool]] = WeakMap()

    def look(self, view: View) -> list[Finding]:
        """Return the streams that have become too full."""
        found = []
        drained = {
            id(each.found.subject)
            for each in view.seen
            if each.found is not None and each.found.kind == "write"
        }
        for writer in view.objects(WRITERS):
            try:
                unsent = writer.transport.get_write_buffer_size()
            except Exception:
                # Not every transport counts.
                continue
            if unsent <= _MOST or id(writer) in drained:
                self._before.pop(writer)
                continue
            since, reported = self._before.get(writer) or (view.now, False)
            if view.now > since and not reported:
                reported = True
                found.append(_finding(view, writer, view.now - since, unsent))
            self._before.put(writer, (since, reported))
        return found


def _finding(view: View, writer: Any, seconds: float, unsent: int) -> Finding:
    user, created = view.user_of(writer), place_made(writer)
    place = place_of(user) if user is not None else None
    whose = ""
    if user is not None:
        whose = f" of task {user.info.name!r} ({user.info.coroutine})"
        whose += f" at {place.file}:{place.line}" if place is not None else ""
    return Finding(
        "unsent-bytes",
        f"{unsent / _MOST:.1f} MiB that were written to a stream{whose} have not been sent for "
        f"{seconds:.0f} s, and nobody awaits drain()",
        place=place or created,
        created=created,
        seconds=seconds,
        fix="Call `await writer.drain()` after each `writer.write(…)`.",
    )
