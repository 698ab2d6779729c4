"""The class ``Loop``: the native core and the parts written in Python.

Each base class is one family of methods. This file combines them, and opens and
closes a loop.
"""

from __future__ import annotations

import asyncio
import os
import sys
import warnings
from asyncio.log import logger

from ._aioxide import _own_connecting_methods, _own_hot_methods
from ._loop.asyncio.base_events import Processes
from ._loop.asyncio.unix_events import UnixSockets
from ._loop.datagrams import Datagrams
from ._loop.files import FileSending
from ._loop.forking import renew_in_forked_child
from ._loop.pipes import Pipes
from ._loop.qualnames import take_names
from ._loop.run_forever import Running
from ._loop.signals import Signals
from ._loop.tls import StartTls

__all__ = ("Loop", "new_event_loop")


class Loop(
    Running,
    UnixSockets,
    FileSending,
    StartTls,
    Datagrams,
    Pipes,
    Processes,
    Signals,
    asyncio.AbstractEventLoop,
):
    """An asyncio event loop with a native core.

    It has the methods of ``asyncio.SelectorEventLoop``. Run it with
    ``run_forever()`` or ``run_until_complete()``, and close it with ``close()``.
    One thread owns it; other threads use ``call_soon_threadsafe()``. Programs
    rarely need this class: ``aioxide.run()`` makes, runs and closes a loop.

    Debug mode is on at first if Python's development mode or the environment
    variable ``PYTHONASYNCIODEBUG`` is set. Methods of
    ``asyncio.AbstractEventLoop`` that this loop does not have raise
    ``NotImplementedError``.

    https://docs.python.org/3/library/asyncio-eventloop.html
    """

    # The attributes of the base classes. In slots, so that there is no instance
    # dictionary until a program sets an attribute of its own: without one the
    # interpreter can specialise the calls of the loop's methods.
    __slots__ = (
        "_asyncgens",
        "_asyncgens_shutdown_called",
        "_displaced_wakeup_fd",
        "_exception_handler",
        "_hooks_before_run",
        "_notes_lines",
        "_origin_depth_before_run",
        "_signal_handlers",
    )

    def __init__(self) -> None:
        super().__init__()
        renew_in_forked_child(self)
        self.set_debug(_debug_is_asked_for())

    def __repr__(self) -> str:
        return (
            f"<{self.__class__.__name__} running={self.is_running()} "
            f"closed={self.is_closed()} debug={self.get_debug()}>"
        )

    def close(self) -> None:
        """Close the loop: drop all that is scheduled and release its resources.

        The default executor is shut down without waiting for its threads: await
        ``shutdown_default_executor()`` before, if they must have ended. Closing a
        closed loop does nothing.

        Raises:
            RuntimeError: the loop is running.
            ValueError: signal handlers are left and this is not the main
                thread; the loop is closed all the same.

        https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.close
        """
        if self.is_running():
            raise RuntimeError("Cannot close a running event loop")
        if self.is_closed():
            return
        if self.get_debug():
            logger.debug("Close %r", self)
        try:
            # Before the core: otherwise the interpreter would write signal
            # numbers to a descriptor that is closed, and perhaps reused.
            self._drop_signal_handlers()
        finally:
            self._abandon_executors()
            self._close_core()

    def __del__(self, _warn=warnings.warn) -> None:
        if self.is_closed():
            return
        _warn(f"unclosed event loop {self!r}", ResourceWarning, source=self)
        if not self.is_running():
            self.close()


_own_hot_methods(Loop)
_own_connecting_methods(Loop)
take_names(Loop, asyncio.SelectorEventLoop)


def new_event_loop() -> Loop:
    """Return a new ``Loop``. It does not become the thread's current loop.

    Raises:
        OSError: the process is out of file descriptors.

    https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.new_event_loop
    """
    return Loop()


def _debug_is_asked_for() -> bool:
    if sys.flags.dev_mode:
        return True
    return not sys.flags.ignore_environment and bool(os.environ.get("PYTHONASYNCIODEBUG"))
