"""The default executor, which runs blocking functions in threads."""

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
    """The default executor of the native ``run_in_executor(None, ...)``.

    While no default executor is set, blocking functions run on the engine's
    thread pool, which needs no ``concurrent.futures`` objects.
    """

    __slots__ = ()  # See Loop.

    @property
    def _default_executor(self) -> ThreadPoolExecutor | None:
        """asyncio's private attribute, which some programs read.

        After the first blocking call they expect a ``ThreadPoolExecutor``, which
        the engine's pool is not. So one is made, and runs the calls from then on.
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
            TypeError: ``executor`` is not a ``ThreadPoolExecutor``.

        https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.set_default_executor
        """
        # By its full name: the class is imported on first use, and most programs
        # never use it.
        if not isinstance(executor, concurrent.futures.ThreadPoolExecutor):
            raise TypeError("executor must be ThreadPoolExecutor instance")
        self._executor = executor

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Refuse new calls and wait until the default executor's threads end.

        Arguments:
            timeout: seconds to wait; None means no limit. After the timeout there
                is a ``RuntimeWarning``, and the threads finish without being
                waited for. Before Python 3.13 the timeout is ignored, as in
                asyncio 3.12.

        Cancellation ends the wait; the threads finish without being waited for.

        https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.shutdown_default_executor
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
        # shutdown(wait=True) blocks, and the executor's own threads cannot join
        # themselves. So another thread does it.
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
            self.call_soon_threadsafe(_set_outcome, joined, outcome)
        except RuntimeError:
            # After a timeout or a cancellation the loop may be closed by now.
            if not self.is_closed():
                raise

    def _abandon_executors(self) -> None:
        """Shut the executors down without waiting, because the loop is closed."""
        self._executor_shutdown_called = True
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=False)


def _set_outcome(future, exception: Exception | None) -> None:
    if future.done():
        return
    if exception is None:
        future.set_result(None)
    else:
        future.set_exception(exception)
