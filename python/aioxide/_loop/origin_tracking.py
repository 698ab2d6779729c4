"""Where coroutines are made: the call stack in debug mode, the line while lints look.

Both ask the interpreter, which notes it for each thread. Lints change only what stands when
neither debug mode nor the program has asked for anything: debug mode saves and restores around it,
as asyncio's does.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from asyncio import constants

from .._aioxide import _want_origins
from .forking import known_loops

__all__ = ("CoroutineOrigins", "note_lines")

#: Whether lints look.
_lines_wanted = False


def note_lines(wanted: bool) -> None:
    """Begin to note the line that makes a coroutine while a loop of ours runs, or end that."""
    global _lines_wanted
    _lines_wanted = wanted
    for loop in known_loops():
        loop._follow_lints()


class CoroutineOrigins:
    """The interpreter's depth of origin tracking in the thread of a running loop."""

    __slots__ = ()  # See Loop.

    def __init__(self) -> None:
        super().__init__()
        # What debug mode restores; None while it has changed nothing.
        self._origin_depth_before_run: int | None = None
        # Whether the depth is 1 for the lints; debug mode may be above.
        self._notes_lines = False

    def set_debug(self, enabled: bool) -> None:
        """Switch debug mode on or off.

        Called while the loop runs, it also starts or stops recording where
        coroutines are created, in the loop's thread.
        """
        super().set_debug(bool(enabled))
        if self.is_running():
            self.call_soon_threadsafe(self._set_coroutine_origin_tracking, enabled)

    def _set_coroutine_origin_tracking(self, enabled: bool) -> None:
        before = self._origin_depth_before_run
        if enabled and before is None:
            self._origin_depth_before_run = sys.get_coroutine_origin_tracking_depth()
            sys.set_coroutine_origin_tracking_depth(constants.DEBUG_STACK_DEPTH)
            _want_origins(True)
        elif not enabled and before is not None:
            sys.set_coroutine_origin_tracking_depth(before)
            _want_origins(False)
            self._origin_depth_before_run = None

    def _follow_lints(self) -> None:
        """Note lines, or no more, in the loop's thread; called in any thread."""
        if not self.is_running():
            return
        if self._thread_id == threading.get_ident():
            self._note_lines(_lines_wanted)
            return
        with contextlib.suppress(Exception):  # It was closed meanwhile, or the method replaced.
            self.call_soon_threadsafe(self._note_lines_if_wanted)

    def _note_lines_if_wanted(self) -> None:
        self._note_lines(_lines_wanted)

    def _note_lines(self, wanted: bool) -> None:
        below_debug_mode = self._origin_depth_before_run
        depth = below_debug_mode
        if depth is None:
            depth = sys.get_coroutine_origin_tracking_depth()
        # A program that has set a depth of its own keeps it.
        if wanted and not self._notes_lines and depth == 0:
            self._notes_lines, depth = True, 1
        elif not wanted and self._notes_lines:
            self._notes_lines, depth = False, 0 if depth == 1 else depth
        else:
            return
        if below_debug_mode is None:
            sys.set_coroutine_origin_tracking_depth(depth)
        else:
            self._origin_depth_before_run = depth

    def _begin_origins(self) -> None:
        """Set the depth as debug mode and lints want it; called when the loop begins to run."""
        self._note_lines(_lines_wanted)
        self._set_coroutine_origin_tracking(self.get_debug())

    def _end_origins(self) -> None:
        """Restore what ``_begin_origins()`` has found."""
        self._set_coroutine_origin_tracking(False)
        self._note_lines(False)
