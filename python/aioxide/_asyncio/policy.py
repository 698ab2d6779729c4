"""Which loop ``asyncio.get_event_loop()`` and ``asyncio.run()`` make.

Policies are deprecated from Python 3.14 on and are to be removed after it.
Nothing here asks asyncio for them in a way that warns.
"""

from __future__ import annotations

import asyncio
from asyncio import unix_events

from ..loop import Loop

__all__ = ("EventLoopPolicy",)


class _ThreadDefault:
    """What is left of a policy on a Python that has none."""

    _loop_factory = None

    def get_event_loop(self):
        return asyncio.get_event_loop()

    def set_event_loop(self, loop) -> None:
        asyncio.set_event_loop(loop)

    def new_event_loop(self):
        return self._loop_factory()


_DefaultPolicy = getattr(unix_events, "_UnixDefaultEventLoopPolicy", _ThreadDefault)


class EventLoopPolicy(_DefaultPolicy):
    """The standard policy, with ``aioxide.Loop`` as the loop it makes.

    Each thread has its own current loop, and child watchers (until Python
    3.13) are the standard ones. Prefer ``aioxide.run()``, or
    ``aioxide.install()`` for programs that call ``asyncio.run()`` themselves.

    https://docs.python.org/3/library/asyncio-policy.html
    """

    _loop_factory = Loop
