"""An event loop with a virtual clock."""

from __future__ import annotations

import asyncio
import math
import threading
import weakref

from ..loop import Loop
from ..recording._session import save_quietly
from .deadlocks import DeadlockError

__all__ = ("VirtualLoop",)

# The values of `_outside()`: what may still arrive from outside when nothing is
# ready.
_NOTHING, _POSSIBLE, _CERTAIN = range(3)


class VirtualLoop(Loop):
    """An event loop on a virtual clock, for tests.

    ``time()`` stands still while anything is ready. Otherwise it jumps to the
    nearest deadline, so that an hour's sleep takes no time, unless an event may
    still come from outside the loop:

    - A call in a thread (``to_thread``, ``run_in_executor``, name resolution)
      and a child process will end. The loop waits for them in real time.
    - A watched descriptor (an open transport, a server, a ``sock_*`` call,
      ``add_reader``), a handler of ``add_signal_handler``, and a thread that was
      started after the loop was made may cause an event. The loop waits for it
      in real time too, for ``patience`` seconds at most.

    The clock stands still during such a wait. It jumps to the next deadline when
    the loop has waited, since the clock last moved, for as many real seconds in
    total as the deadline was away. So a call in a thread takes no virtual time if
    it is faster than the next deadline, and a timeout ends a slower one.

    If there is no deadline and no event can come from outside, ``run_forever()``
    and ``run_until_complete()`` raise ``DeadlockError``. The loop can be run
    again then, for example to cancel the pending tasks.

    With a ``seed``, the callbacks and steps of one iteration run in an order
    drawn from it. The same seed gives the same orders, as long as no event comes
    from outside. The guarantees of asyncio's documentation hold:

    - Callbacks of ``call_soon`` and ``call_soon_threadsafe``, done-callbacks,
      timers and the methods of protocols keep their order among themselves.
    - The callbacks of one future run in the order in which they were added.
      Tasks that await the future keep their place among them.
    - Timers run in the order of their deadlines.

    Everything else about the order is free: which of several tasks runs its
    first or next step first, whether that is before or after a callback, and
    which of several timers with equal deadlines is first. A task of another
    class than ``aioxide.Task``, or one that awaits a future of another class
    than ``aioxide.Future`` (``asyncio.gather()`` returns one), resumes through
    ``call_soon`` and so keeps its place among the callbacks.

    Arguments:
        seed: an int from 0 to 2**64 - 1, or None for asyncio's order.
        start: the first value of ``time()``, in seconds.
        patience: how many real seconds without an event from outside the loop
            waits for an event that is only possible; None means no limit.

    Raises:
        TypeError: ``seed`` is not an int.
        ValueError: an argument is out of its range.
    """

    __slots__ = ("_calls", "_threads_before")

    def __init__(
        self, *, seed: int | None = None, start: float = 0.0, patience: float | None = None
    ) -> None:
        super().__init__()
        # Futures of calls in other threads, and running child processes.
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
        """Return what may still arrive; the core calls this when nothing is ready."""
        if self._calls:
            return _CERTAIN
        if self._is_watching() or self._signal_handlers or self._new_threads():
            return _POSSIBLE
        return _NOTHING

    def _new_threads(self) -> bool:
        """Whether a thread is alive that the program has started since the loop was made."""
        current = threading.current_thread()
        # The loop's own threads are idle: otherwise there would be a call.
        idle = self._pool_threads()
        return any(
            thread is not current and thread not in self._threads_before and thread not in idle
            for thread in threading.enumerate()
        )

    def _report_deadlock(self) -> None:
        save_quietly()
        raise DeadlockError([task for task in asyncio.all_tasks(self) if not task.done()])


def _checked(seed: int) -> int:
    if not isinstance(seed, int):
        raise TypeError(f"a seed is a whole number, not {seed!r}")
    if not 0 <= seed < 2**64:
        raise ValueError(f"a seed is from 0 to 2**64 - 1, not {seed}")
    return seed
