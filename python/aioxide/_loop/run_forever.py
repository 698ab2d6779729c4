"""Running a loop: until it is stopped, or until a future is done."""

from __future__ import annotations

import sys
from asyncio import events, futures, tasks

from .async_generators import AsyncGenerators
from .origin_tracking import CoroutineOrigins
from .signals import Signals

__all__ = ("Running",)


class Running(CoroutineOrigins, AsyncGenerators, Signals):
    """``run_forever``, ``run_until_complete``, and their setup and cleanup."""

    __slots__ = ()  # See Loop.

    def __init__(self) -> None:
        super().__init__()
        # The setting before the run; None while the loop does not run.
        self._hooks_before_run: tuple | None = None

    def run_forever(self) -> None:
        """Run iterations of the loop until ``stop()`` is called.

        Raises:
            RuntimeError: the loop is closed or already running, or another
                loop is running in this thread.
            KeyboardInterrupt, SystemExit: a callback raised it; the loop can
                be run again.

        https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.run_forever
        """
        self._check_closed()
        self._check_running()
        try:
            self._run_forever_setup()
            self._run_iterations()
        finally:
            self._run_forever_cleanup()

    def run_until_complete(self, future):
        """Run until ``future`` is done.

        Arguments:
            future: a future of this loop, or an awaitable; a coroutine
                becomes a task.

        Returns:
            The future's result.

        Raises:
            RuntimeError: as ``run_forever()``, or ``stop()`` was called before
                the future was done.
            ValueError: the future belongs to another loop.
            TypeError: ``future`` cannot be awaited.
            BaseException: the future's exception, or ``CancelledError``.

        https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.run_until_complete
        """
        self._check_closed()
        self._check_running()

        created_here = not futures.isfuture(future)
        future = tasks.ensure_future(future, loop=self)
        if created_here:
            # A run that ends early raises an exception; the message about a
            # destroyed pending task would repeat it.
            future._log_destroy_pending = False

        future.add_done_callback(_stop_loop_of)
        try:
            self.run_forever()
        except BaseException:
            if created_here and future.done() and not future.cancelled():
                # The task ended with the exception that is raised here. No other
                # code has the task, so this marks its exception as retrieved.
                future.exception()
            raise
        finally:
            future.remove_done_callback(_stop_loop_of)
        if not future.done():
            raise RuntimeError("Event loop stopped before Future completed.")
        return future.result()

    def _check_running(self) -> None:
        if self.is_running():
            raise RuntimeError("This event loop is already running")
        if events._get_running_loop() is not None:
            raise RuntimeError("Cannot run the event loop while another loop is running")

    def _run_forever_setup(self) -> None:
        self._begin_origins()
        self._hooks_before_run = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(
            firstiter=self._asyncgen_firstiter_hook,
            finalizer=self._asyncgen_finalizer_hook,
        )
        self._watch_signals()
        events._set_running_loop(self)

    def _run_forever_cleanup(self) -> None:
        events._set_running_loop(None)
        self._release_wakeup_fd()
        self._end_origins()
        if self._hooks_before_run is not None:
            sys.set_asyncgen_hooks(*self._hooks_before_run)
            self._hooks_before_run = None


def _stop_loop_of(future) -> None:
    if not future.cancelled() and isinstance(future.exception(), (SystemExit, KeyboardInterrupt)):
        # These have ended run_forever() already. A stop() now would end the
        # next run.
        return
    future.get_loop().stop()
