"""The event loop policy, which makes the loops of ``asyncio.get_event_loop()``.

Policies are deprecated from Python 3.14 on and will be removed. This module
imports them without a deprecation warning.
"""

from __future__ import annotations

import asyncio
from asyncio import unix_events

from ..loop import Loop

__all__ = ("EventLoopPolicy",)


class _ThreadDefault:
    """Stands in for a policy on a Python version without policies."""

    _loop_factory = None

    def get_event_loop(self):
        return asyncio.get_event_loop()

    def set_event_loop(self, loop) -> None:
        asyncio.set_event_loop(loop)

    def new_event_loop(self):
        return self._loop_factory()


_DefaultPolicy = getattr(unix_events, "_UnixDefaultEventLoopPolicy", _ThreadDefault)


class EventLoopPolicy(_DefaultPolicy):
    """The standard policy that makes ``aioxide.Loop``.

    Each thread has its own current loop, and child watchers (until Python
    3.13) are the standard ones. Prefer ``aioxide.run()``, or
    ``aioxide.install()`` for programs that call ``asyncio.run()``.

    https://docs.python.org/3/library/asyncio-policy.html
    """

    _loop_factory = Loop
