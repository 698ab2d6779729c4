"""A loop whose time a test does not spend."""

from __future__ import annotations

import asyncio
import math
import threading
import weakref

from ..loop import Loop
from .deadlocks import DeadlockError

__all__ = ("VirtualLoop",)

# What LoopCore calls "outside": what may still come to a loop in which nothing
# is ready.
_NOTHING, _POSSIBLE, _CERTAIN = range(3)


class VirtualLoop(Loop):
    """An event loop on a virtual clock, for tests.

    ``time()`` stands still while anything is ready. Otherwise it jumps to the
    nearest deadline, so that an hour's sleep takes no time, unless something
    may still come from outside the loop:

    - a call in a thread (``to_thread``, ``run_in_executor``, name resolution)
      and a child process will end: they are waited for in real time;
    - a descriptor that is watched (an open transport, a server, a ``sock_*``
      call, ``add_reader``), a handler of ``add_signal_handler`` and a thread
      that was started since the loop was made may bring something: they are
      waited for in real time too, for ``patience`` seconds at most.

    The clock stands still during such a wait. A deadline comes, and the clock
    jumps to it, when the loop has waited for as many real seconds in all, since
    the clock last moved, as it was away. A call in a thread therefore takes no
    virtual time if it is faster than the next deadline, and a timeout ends one
    that is slower.

    If there is no deadline and nothing may come from outside, ``run_forever()``
    and ``run_until_complete()`` raise ``DeadlockError``. The loop can be run
    again then, to cancel the tasks that wait.

    With a ``seed``, what is ready in one iteration runs in an order drawn from it.
    The same seed gives the same orders, as long as nothing comes from outside.
    What asyncio's documentation promises is kept:

    - callbacks of ``call_soon`` and ``call_soon_threadsafe``, done-callbacks,
      timers and the methods of protocols run in the order in which they became
      due among themselves;
    - the callbacks of one future run in the order in which they were added. A
      task that awaits the future, and several that await the same one, take
      their turn among them;
    - deadlines come in order.

    Everything else about the order is free: which of several tasks takes the
    first or the next step, whether that is before or after a callback, and
    which of several timers with equal deadlines is first. A task of another
    class than ``aioxide.Task``, or one that awaits a future of another class
    than ``aioxide.Future`` (``asyncio.gather()`` has such), goes on through
    ``call_soon`` and so keeps its place among the callbacks.

    Arguments:
        seed: a whole number from 0 to 2**64 - 1, or None for asyncio's order.
        start: what ``time()`` shows at first, in seconds.
        patience: real seconds without anything from outside after which the
            loop no longer waits for what may only perhaps come; None is for
            ever.

    Raises:
        TypeError: ``seed`` is not a whole number.
        ValueError: an argument is out of its range.
    """

    __slots__ = ("_calls", "_threads_before")

    def __init__(
        self, *, seed: int | None = None, start: float = 0.0, patience: float | None = None
    ) -> None:
        super().__init__()
        # Futures of calls that run elsewhere, and the children that run.
        self._calls: set = set()
        self._threads_before = weakref.WeakSet(threading.enumerate())
        try:
            self._use_virtual_clock(start, math.inf if patience is None else patience)
            if seed is not None:
                self._interleave(_checked(seed))
        except BaseException:
            self.close()
            raise

    def run_in_executor(self, executor, func, *args):
        return self._wait_for(super().run_in_executor(executor, func, *args))

    def _shutdown_pool(self):
        return self._wait_for(super()._shutdown_pool())

    def _call_at_exit(self, pid, callback, **options) -> None:
        def ended() -> None:
            self._calls.discard(child)
            callback()

        child = object()
        super()._call_at_exit(pid, ended, **options)
        self._calls.add(child)

    def _wait_for(self, future):
        self._calls.add(future)
        future.add_done_callback(self._calls.discard)
        return future

    def _outside(self) -> int:
        """Say what may still come; the core asks when nothing is ready."""
        if self._calls:
            return _CERTAIN
        if self._is_watching() or self._signal_handlers or self._new_threads():
            return _POSSIBLE
        return _NOTHING

    def _new_threads(self) -> bool:
        """Whether a thread lives that the program has started meanwhile."""
        current = threading.current_thread()
        # The loop's own threads have nothing to do, or there would be a call.
        idle = self._pool_threads()
        return any(
            thread is not current and thread not in self._threads_before and thread not in idle
            for thread in threading.enumerate()
        )

    def _report_deadlock(self) -> None:
        raise DeadlockError([task for task in asyncio.all_tasks(self) if not task.done()])


def _checked(seed: int) -> int:
    if not isinstance(seed, int):
        raise TypeError(f"a seed is a whole number, not {seed!r}")
    if not 0 <= seed < 2**64:
        raise ValueError(f"a seed is from 0 to 2**64 - 1, not {seed}")
    return seed
