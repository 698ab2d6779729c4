"""Counts the HTTP sessions that a learner's file makes."""

from __future__ import annotations

import aiohttp


class Sessions:
    """While it is entered, every ``aiohttp.ClientSession`` that is made is counted.

    Attributes:
        count: how many were made; known when the block has been left.
        open: how many of them were not closed then.
    """

    def __enter__(self) -> Sessions:
        self._made: list[aiohttp.ClientSession] = []
        self._original = aiohttp.ClientSession.__init__

        def counted(session, *args, **options):
            self._made.append(session)
            return self._original(session, *args, **options)

        aiohttp.ClientSession.__init__ = counted
        return self

    def __exit__(self, *exc_info) -> None:
        aiohttp.ClientSession.__init__ = self._original
        self.count = len(self._made)
        self.open = sum(not session.closed for session in self._made)
        # A session that is kept here would not be missed by anybody, and not reported.
        self._made.clear()
