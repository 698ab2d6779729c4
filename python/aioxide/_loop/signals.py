"""Signal handlers of a loop.

The interpreter writes the number of each received signal to a descriptor that
the loop watches while it runs on the main thread. This wakes the loop up for
handlers set with ``signal.signal`` (Ctrl-C is one) and for those set with
``add_signal_handler``.
"""

from __future__ import annotations

import contextlib
import errno
import signal
import sys
import threading
import warnings
from asyncio.log import logger

from .._aioxide import Handle, LoopCore
from .callbacks import is_coroutine_or_function

__all__ = ("Signals",)


class Signals(LoopCore):
    """``add_signal_handler`` and the wake-up descriptor behind it."""

    __slots__ = ()  # See Loop.

    def __init__(self) -> None:
        super().__init__()
        self._signal_handlers: dict[int, Handle] = {}
        # While the interpreter writes to our descriptor: the previous descriptor,
        # -1 for none. None while it does not write to ours.
        self._displaced_wakeup_fd: int | None = None

    def add_signal_handler(self, sig: int, callback, *args) -> None:
        """Call ``callback(*args)`` in the loop when signal ``sig`` arrives.

        It replaces an earlier handler of the same signal. Unlike a handler of
        ``signal.signal``, it runs as a callback and may use the loop.

        Raises:
            TypeError: ``sig`` is not an int, or the callback is a coroutine or
                coroutine function.
            ValueError: ``sig`` is not a signal number.
            RuntimeError: the signal cannot be caught, the loop is closed, or
                this is not the main thread.

        https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.add_signal_handler
        """
        if is_coroutine_or_function(callback):
            raise TypeError("coroutines cannot be used with add_signal_handler()")
        _check_signal(sig)
        self._check_closed()
        try:
            # First, because in another thread than the main one it fails, and
            # nothing has been changed yet.
            self._claim_wakeup_fd()
        except (ValueError, OSError) as exc:
            raise RuntimeError(str(exc)) from exc

        self._signal_handlers[sig] = Handle(callback, args, self, None)
        try:
            # Without a handler at Python level nothing is written to the
            # wake-up descriptor.
            signal.signal(sig, _ignore)
            # So that system calls of C libraries are restarted.
            signal.siginterrupt(sig, False)
        except OSError as exc:
            del self._signal_handlers[sig]
            self._release_wakeup_fd()
            if exc.errno == errno.EINVAL:
                raise RuntimeError(f"sig {sig} cannot be caught") from exc
            raise

    def remove_signal_handler(self, sig: int) -> bool:
        """Stop handling ``sig`` and restore the interpreter's default.

        Returns:
            True if there was a handler, False otherwise.

        Raises:
            TypeError, ValueError: ``sig`` is not a signal number.
            RuntimeError: the operating system does not let the signal be reset.

        https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.remove_signal_handler
        """
        _check_signal(sig)
        if self._signal_handlers.pop(sig, None) is None:
            return False
        default = signal.default_int_handler if sig == signal.SIGINT else signal.SIG_DFL
        try:
            signal.signal(sig, default)
        except OSError as exc:
            if exc.errno == errno.EINVAL:
                raise RuntimeError(f"sig {sig} cannot be caught") from exc
            raise
        self._release_wakeup_fd()
        return True

    def _process_signals(self, data: bytes) -> None:
        """Schedule the handlers of the signals whose numbers are in ``data``.

        The core calls this in the loop's thread with what it read from the
        wake-up descriptor.
        """
        for number in data:
            handle = self._signal_handlers.get(number)
            if handle is None:
                # A signal that signal.signal() handles, or one whose handler
                # was removed after it arrived.
                continue
            if handle.cancelled():
                self.remove_signal_handler(number)
            else:
                self.call_soon(_run_unless_cancelled, handle)

    def _watch_signals(self) -> None:
        """Set the wake-up descriptor for a run, if this thread may and none is set.

        If the program has set one (Twisted's reactor does), it keeps receiving the
        bytes; a signal then ends a wait of this loop by interrupting the system call,
        as in asyncio.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        try:
            ours = self._signal_fd()
            previous = signal.set_wakeup_fd(ours)
        except ValueError:
            # The main thread of a subinterpreter: it receives no signals.
            return
        if previous == -1:
            self._displaced_wakeup_fd = previous
        elif previous != ours:
            signal.set_wakeup_fd(previous)

    def _claim_wakeup_fd(self) -> None:
        previous = signal.set_wakeup_fd(self._signal_fd())
        if self._displaced_wakeup_fd is None or previous != self._signal_fd():
            self._displaced_wakeup_fd = previous

    def _release_wakeup_fd(self) -> None:
        """Restore the wake-up descriptor, once this loop does not need it any more."""
        displaced = self._displaced_wakeup_fd
        if displaced is None or self._signal_handlers or self.is_running():
            return
        self._displaced_wakeup_fd = None
        try:
            current = signal.set_wakeup_fd(-1)
            # If other code has set another one since, that one stays.
            restored = displaced if current == self._signal_fd() else current
            if restored != -1:
                signal.set_wakeup_fd(restored)
        except (ValueError, OSError) as exc:
            logger.info("set_wakeup_fd(%d) failed: %s", displaced, exc)

    def _renew_after_fork(self) -> None:
        # First, because the descriptor is closed next. From Python 3.12 on
        # asyncio has done so already.
        if self._displaced_wakeup_fd is not None:
            self._displaced_wakeup_fd = None
            # A subinterpreter receives no signals.
            with contextlib.suppress(ValueError):
                signal.set_wakeup_fd(-1)
        super()._renew_after_fork()

    def _drop_signal_handlers(self) -> None:
        """Remove every handler, because the loop is closed."""
        if self._signal_handlers and sys.is_finalizing():
            warnings.warn(
                f"Closing the loop {self!r} on interpreter shutdown "
                f"stage, skipping signal handlers removal",
                ResourceWarning,
                stacklevel=2,
                source=self,
            )
            self._signal_handlers.clear()
        for sig in list(self._signal_handlers):
            self.remove_signal_handler(sig)
        self._release_wakeup_fd()


def _ignore(signum, frame) -> None:
    """The handler at Python level. It does nothing: the loop runs the callback."""


def _run_unless_cancelled(handle: Handle) -> None:
    if not handle.cancelled():
        handle._run()


def _check_signal(sig) -> None:
    if not isinstance(sig, int):
        raise TypeError(f"sig must be an int, not {sig!r}")
    if sig not in signal.valid_signals():
        raise ValueError(f"invalid signal number {sig}")
