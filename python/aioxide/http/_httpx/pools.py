"""The pools of one transport: one for each loop that it is used on."""

from __future__ import annotations

from typing import Any

from ..._aioxide import LoopCore
from .pool import Pool
from .settings import Settings

__all__ = ("Pools",)


class Pools:
    """Finds the pool of the running loop.

    Arguments:
        settings: of each pool.
    """

    __slots__ = ("__weakref__", "_all", "_last", "_settings")

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._all: list[tuple[Any, Pool]] = []
        # Nearly every transport is used on one loop only. In one attribute, since another thread
        # may replace it at any time.
        self._last: tuple[Any, Pool | None] = (None, None)

    def of(self, loop: Any) -> Pool | None:
        """Return the pool of ``loop``, the running one; None if that is not aioxide's."""
        last = self._last
        if loop is last[0]:
            return last[1]
        if not isinstance(loop, LoopCore):
            return None
        entries = [entry for entry in self._all if not entry[0].is_closed()]
        found = next((entry for entry in entries if entry[0] is loop), None)
        if found is None:
            found = (loop, Pool(self._settings))
            entries.append(found)
        self._all = entries
        self._last = found
        return found[1]

    def close(self, running: Any) -> None:
        """Close all pools; those of loops other than ``running`` as soon as their loop runs."""
        entries, self._all = self._all, []
        self._last = (None, None)
        for loop, pool in entries:
            if loop is running:
                pool.close()
            elif not loop.is_closed():
                loop.call_soon_threadsafe(pool.close)

    def close_idle(self) -> None:
        """Close the connections that serve no request, as soon as their loop runs."""
        for loop, pool in self._all:
            if not loop.is_closed():
                loop.call_soon_threadsafe(pool.native.close_idle)
