"""Which threads run the blocking functions that a loop is given."""

from __future__ import annotations

import concurrent.futures
import sys
import threading
import warnings
from asyncio import timeouts
from typing import TYPE_CHECKING

from .._aioxide import LoopCore

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

__all__ = ("Executors",)


class Executors(LoopCore):
    """What ``run_in_executor(None, ...)``, which is native, uses.

    As long as no default executor is set, blocking functions run on the
    engine's thread pool, which needs no ``concurrent.futures`` objects.
    """

    __slots__ = ()  # See Loop.

    @property
    def _default_executor(self) -> ThreadPoolExecutor | None:
        """The executor that asyncio's private attribute of this name holds.

        Whoever reads it after the first blocking call expects a
        ``ThreadPoolExecutor``. The engine's pool is none, so one is made, and
        takes the calls from then on.
        """
        if self._executor is None and self._pool_used and not self.is_closed():
            self._executor = concurrent.futures.ThreadPoolExecutor(thread_name_prefix="asyncio")
        return self._executor

    @_default_executor.setter
    def _default_executor(self, executor: ThreadPoolExecutor | None) -> None:
        self._executor = executor

    def set_default_executor(self, executor: ThreadPoolExecutor) -> None:
        """Set the executor that ``run_in_executor(None, ...)`` uses.

        Raises:
            TypeError: it is not a ``ThreadPoolExecutor``.
        """
        # Named in full: the class is loaded on first use, and most programs
        # never use it.
        if not isinstance(executor, concurrent.futures.ThreadPoolExecutor):
            raise TypeError("executor must be ThreadPoolExecutor instance")
        self._executor = executor

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Refuse new calls and wait until the default executor's threads end.

        Arguments:
            timeout: seconds to wait, None for as long as it takes. When they
                are over a ``RuntimeWarning`` says so and the threads are left
                to finish by themselves. Before Python 3.13 the wait is without
                end whatever the timeout, as it is in asyncio 3.12.

        Cancellation ends the wait; the threads are left to finish.
        """
        self._executor_shutdown_called = True
        if not self._pool_used and self._executor is None:
            return
        try:
            async with timeouts.timeout(timeout if sys.version_info >= (3, 13) else None):
                if self._pool_used:
                    await self._shutdown_pool()
                if self._executor is not None:
                    await self._join_executor(self._executor)
        except TimeoutError:
            warnings.warn(
                f"The executor did not finishing joining its threads within {timeout} seconds.",
                RuntimeWarning,
                stacklevel=2,
            )
            if self._executor is not None:
                self._executor.shutdown(wait=False)

    async def _join_executor(self, executor: ThreadPoolExecutor) -> None:
        # shutdown(wait=True) blocks, and the executor's own threads cannot
        # wait for themselves.
        joined = self.create_future()
        joiner = threading.Thread(target=self._shut_down_and_report, args=(executor, joined))
        joiner.start()
        await joined
        joiner.join()

    def _shut_down_and_report(self, executor: ThreadPoolExecutor, joined) -> None:
        try:
            executor.shutdown(wait=True)
            outcome = None
        except Exception as exc:
            outcome = exc
        try:
            self.call_soon_threadsafe(_settle, joined, outcome)
        except RuntimeError:
            # When nobody waited long enough, the loop is closed by now.
            if not self.is_closed():
                raise

    def _abandon_executors(self) -> None:
        """Tell the executors to end, without waiting; for closing the loop."""
        self._executor_shutdown_called = True
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=False)


def _settle(future, exception: Exception | None) -> None:
    if future.done():
        return
    if exception is None:
        future.set_result(None)
    else:
        future.set_exception(exception)
