"""Runs the lints, from time to time."""

from __future__ import annotations

import logging
import time

from ..recording._session import save_quietly
from . import _noted
from ._deadlock import Deadlock
from ._findings import Finding, log
from ._growing_queue import GrowingQueue
from ._held_lock import HeldLock
from ._lost_failure import LostFailure
from ._reported import Reported
from ._slow_shutdown import SlowShutdown
from ._swallowed_cancellation import SwallowedCancellation
from ._unsent_bytes import UnsentBytes
from ._view import Lint, View

__all__ = ("Patrol",)

_PERIOD = 1.0
#: A look may take this part of the time, since it needs the GIL.
_SHARE = 0.02


class Patrol:
    """The lints of one process, and what they have seen."""

    def __init__(self) -> None:
        lost_failure = LostFailure()
        self._lints: tuple[Lint, ...] = (
            Deadlock(),
            HeldLock(),
            SwallowedCancellation(),
            lost_failure,
            GrowingQueue(),
            UnsentBytes(),
            SlowShutdown(),
        )
        self._reported = Reported(lost_failure)
        self._next = 0.0

    def start(self) -> None:
        """Begin to keep what is reported, made and cancelled."""
        _noted.start(self)
        self._reported.start()

    def stop(self) -> None:
        """End that."""
        self._reported.stop()
        _noted.stop(self)

    def pass_by(self) -> None:
        """Look and log, if it is time to."""
        begin = time.monotonic()
        if begin < self._next:
            return
        found = self.look(begin)
        for finding in found:
            log(finding)
        if any(finding.lint == "deadlock" for finding in found):
            # What led to it is in the ring now, and may be overwritten later.
            save_quietly()
        end = time.monotonic()
        self._next = begin + max(_PERIOD, (end - begin) / _SHARE)

    def look(self, now: float) -> list[Finding]:
        """Return what is new.

        Arguments:
            now: seconds on a clock that never goes back.
        """
        found = []
        view = View.taken(now)
        for lint in self._lints:
            try:
                found += lint.look(view)
            except Exception:
                # A program's objects may do anything when they are looked at.
                logging.getLogger("aioxide.lints").debug("%r failed", lint, exc_info=True)
        return found
