"""Streams and transports that are written to faster than they are sent."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from .._loop.forking import known_loops
from ..introspect import Place
from ._findings import Finding
from ._noted import WRITERS, WeakMap, place_made
from ._view import View, object_kinds, place_of

__all__ = ("UnsentBytes",)

_MOST = 1 << 20
_STREAM_PROTOCOLS = object_kinds("StreamReaderProtocol")


class _Full(NamedTuple):
    """A transport with more than 1 MiB unsent, when it was first seen so."""

    since: float
    bytes: int
    paused: bool
    resumed: int
    reported: bool


class UnsentBytes:
    """Finds what has more than 1 MiB unsent at two looks, and nobody waits until it is sent.

    Of a stream, that is ``drain()``. Of another protocol nobody waits if it has no
    ``pause_writing()``, or has written more by the second look since that was called at the first.
    """

    def __init__(self) -> None:
        #: By stream: since when, and whether it was reported.
        self._before: WeakMap[tuple[float, bool]] = WeakMap()
        self._full: WeakMap[_Full] = WeakMap()

    def look(self, view: View) -> list[Finding]:
        """Return the streams and transports that have become too full."""
        writers = view.objects(WRITERS)
        return self._look_at_streams(view, writers) + self._look_at_transports(view, writers)

    def _look_at_streams(self, view: View, writers: list[Any]) -> list[Finding]:
        found = []
        drained = {
            id(each.found.subject)
            for each in view.seen
            if each.found is not None and each.found.kind == "write"
        }
        for writer in writers:
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

    def _look_at_transports(self, view: View, writers: list[Any]) -> list[Finding]:
        of_streams = {id(getattr(writer, "transport", None)) for writer in writers}
        found, full = [], set()
        for loop in known_loops():
            for each in loop._unsent_transports(_MOST):
                transport, protocol, unsent, paused, resumed, made = each
                if id(transport) in of_streams or isinstance(protocol, _STREAM_PROTOCOLS):
                    continue
                if transport.is_closing():
                    # Nothing more can be written.
                    continue
                full.add(id(transport))
                before = self._full.get(transport)
                if before is None or before.resumed != resumed or paused > before.paused:
                    before = _Full(view.now, unsent, paused, resumed, False)
                elif view.now > before.since and not before.reported:
                    reacts = _reacts(protocol)
                    if not reacts or (before.paused and unsent > before.bytes):
                        seconds = view.now - before.since
                        found.append(_finding_of(protocol, unsent, seconds, made, reacts=reacts))
                        before = before._replace(reported=True)
                self._full.put(transport, before)
        for transport in self._full:
            if id(transport) not in full:
                self._full.pop(transport)
        return found


def _reacts(protocol: Any) -> bool:
    """Whether a protocol has a ``pause_writing()`` of its own, which does anything."""
    if "pause_writing" in getattr(protocol, "__dict__", ()):
        return True
    method = getattr(type(protocol), "pause_writing", None)
    return method is not None and method is not asyncio.BaseProtocol.pause_writing


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


def _finding_of(
    protocol: Any, unsent: int, seconds: float, made: Place | None, *, reacts: bool
) -> Finding:
    name = type(protocol).__qualname__
    what = "has written more after pause_writing()" if reacts else "has no pause_writing()"
    return Finding(
        "unsent-bytes",
        f"{unsent / _MOST:.1f} MiB that were written to a transport have not been sent for "
        f"{seconds:.0f} s, and {name} {what}",
        place=made,
        created=made,
        seconds=seconds,
        fix="Write nothing more between `pause_writing()` and `resume_writing()` of the protocol.",
    )
