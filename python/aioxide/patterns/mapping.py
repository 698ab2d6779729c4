"""A coroutine function called for many items, a bounded number at a time."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
)
from typing import Any, Generic, TypeVar

from . import arguments

__all__ = ("map_concurrent",)

T = TypeVar("T")
R = TypeVar("R")


def map_concurrent(
    fn: Callable[[T], Awaitable[R]],
    items: Iterable[T] | AsyncIterable[T],
    limit: int,
    *,
    ordered: bool = False,
) -> AsyncGenerator[R, None]:
    """Call ``fn`` with each item, up to ``limit`` calls at a time, and yield the results.

    ::

        async for page in map_concurrent(fetch, urls, limit=20):
            print(len(page))

    The first call starts when the first result is requested. The next item is taken when fewer
    than ``limit`` calls are running or have an unread result. So a slow reader slows the calls
    down, and ``items`` may be infinite.

    Arguments:
        fn: a coroutine function of one argument, or any callable that returns an awaitable.
        items: the arguments; an iterable is read in the reader's task, an asynchronous one in
            a task of its own.
        limit: how many calls may run, or have an unread result, at a time.
        ordered: yield the results in the order of the items, not in the order of completion.

    Returns:
        An asynchronous generator.

    Raises:
        TypeError, ValueError: an argument is of the wrong kind, or ``limit`` is below one.
        BaseException: the exception of a call or of ``items``. It is raised after the results
            before it: those that were complete before or, with ``ordered``, those of earlier
            items, which are waited for. All other calls are cancelled at once. A note on the
            exception names other calls that failed.

    Cancelling the reader, or closing the generator (``aclose()``; the loop closes a generator
    without references), cancels the calls and waits until they have ended. If the block may be
    left early and the calls must have ended then, use ``contextlib.aclosing``. Exceptions that
    were not read go to the loop's exception handler.

    For a handful of calls whose results are needed together, use ``asyncio.TaskGroup`` or
    ``asyncio.gather``.
    """
    if not callable(fn):
        raise TypeError(f"fn must be a function, not {fn!r}")
    arguments.count("limit", limit)
    if isinstance(items, AsyncIterable):
        return _results(_Calls(fn, limit, ordered, later=aiter(items)))
    return _results(_Calls(fn, limit, ordered, now=iter(items)))


async def _results(calls: _Calls[T, R]) -> AsyncGenerator[R, None]:
    failure: BaseException | None = None
    try:
        while (call := await calls.next()) is not None:
            try:
                result = call.result()
            except BaseException as error:
                failure = error
                raise
            del call
            yield result
            del result
    finally:
        try:
            await calls.end(failure)
        finally:
            # A frame that refers to its own exception would be a reference cycle.
            failure = None


class _Calls(Generic[T, R]):
    """The calls that were started and whose results were not read yet.

    A call is a task. If ``items`` raises, a failed future takes the place of the call.
    """

    def __init__(
        self,
        fn: Callable[[T], Awaitable[R]],
        limit: int,
        ordered: bool,
        *,
        now: Iterator[T] | None = None,
        later: AsyncIterator[T] | None = None,
    ) -> None:
        self._fn = fn
        self._limit = limit
        self._ordered = ordered
        self._now = now
        self._later = later
        self._feeder: asyncio.Task[None] | None = None
        # All calls, in the order of the items. A dictionary, to remove any of them in O(1).
        self._unread: OrderedDict[asyncio.Future[R], None] = OrderedDict()
        self._finished: deque[asyncio.Future[R]] = deque()
        # Whether further calls may start.
        self._more = True
        self._ended = False
        # The first call that failed. Results after it are not read.
        self._failed: asyncio.Future[R] | None = None
        self._reader: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None

    async def next(self) -> asyncio.Future[R] | None:
        """Wait for the call whose result is next, and remove it; None at the end."""
        if self._later is not None and self._feeder is None and self._more:
            self._feeder = asyncio.create_task(self._feed(self._later))
            self._feeder.add_done_callback(self._fed)
        while True:
            self._start_what_may()
            call = self._take()
            if call is not None:
                # The next call runs while the reader works.
                self._start_what_may()
                return call
            if not self._unread and not self._more:
                return None
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None

    async def end(self, failure: BaseException | None) -> None:
        """Cancel the running calls, wait until they have ended, and report unread exceptions."""
        cancelled: asyncio.CancelledError | None = None
        self._more, self._ended = False, True
        running: list[asyncio.Future[Any]] = [*self._unread]
        if self._feeder is not None:
            running.append(self._feeder)
        for call in running:
            call.cancel()
        while running := [call for call in running if not call.done()]:
            try:
                await asyncio.wait(running)
            except asyncio.CancelledError as error:
                cancelled = error
        self._tell(failure)
        if cancelled is not None:
            try:
                raise cancelled
            finally:
                # A frame that refers to its own exception would be a reference cycle.
                cancelled = None

    def _start_what_may(self) -> None:
        while self._now is not None and self._more and len(self._unread) < self._limit:
            try:
                item = next(self._now)
            except StopIteration:
                self._more = False
            except Exception as error:
                self._fail(error)
            else:
                self._start(item)
        if self._room is not None and not self._room.done() and len(self._unread) < self._limit:
            self._room.set_result(None)

    async def _feed(self, items: AsyncIterator[T]) -> None:
        while True:
            while len(self._unread) >= self._limit:
                self._room = asyncio.get_running_loop().create_future()
                await self._room
            try:
                item = await anext(items)
            except StopAsyncIteration:
                return
            if not self._more:
                return
            self._start(item)

    def _fed(self, feeder: asyncio.Task[None]) -> None:
        if not self._more:
            return
        if feeder.cancelled():
            self._fail(asyncio.CancelledError())
        elif (error := feeder.exception()) is not None:
            self._fail(error)
        else:
            self._more = False
            self._wake()

    def _start(self, item: T) -> None:
        call = asyncio.create_task(self._call(item))
        self._unread[call] = None
        call.add_done_callback(self._done)

    async def _call(self, item: T) -> R:
        return await self._fn(item)

    def _fail(self, error: BaseException) -> None:
        """Put a failed future in the place of the next call."""
        self._more = False
        call: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        if isinstance(error, asyncio.CancelledError):
            call.cancel()
        else:
            call.set_exception(error)
        self._unread[call] = None
        self._done(call)

    def _done(self, call: asyncio.Future[R]) -> None:
        if self._ended:
            return
        self._finished.append(call)
        if call.cancelled() or call.exception() is not None:
            self._cancel_what_is_behind(call)
        self._wake()

    def _cancel_what_is_behind(self, failed: asyncio.Future[R]) -> None:
        if self._failed is not None and not self._ordered:
            return
        calls = list(self._unread)
        if self._ordered:
            place = calls.index(failed)
            if self._failed is not None and calls.index(self._failed) < place:
                return
            calls = calls[place + 1 :]
        self._failed = failed
        self._more = False
        if self._feeder is not None:
            self._feeder.cancel()
        for call in calls:
            call.cancel()

    def _take(self) -> asyncio.Future[R] | None:
        if self._ordered:
            call = next(iter(self._unread), None)
            if call is None or not call.done():
                return None
        else:
            if not self._finished:
                return None
            call = self._finished.popleft()
        del self._unread[call]
        return call

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def _tell(self, failure: BaseException | None) -> None:
        """Report the exceptions of calls whose results will not be read."""
        errors: list[tuple[asyncio.Future[Any], BaseException]] = []
        for call in self._unread:
            error = None if call.cancelled() else call.exception()
            if error is not None and error is not failure:
                errors.append((call, error))
        if failure is None or isinstance(failure, (asyncio.CancelledError, GeneratorExit)):
            for call, error in errors:
                call.get_loop().call_exception_handler(
                    {
                        "message": "Exception in a call of map_concurrent() that was not read",
                        "exception": error,
                        "future": call,
                    }
                )
        elif errors:
            others = "another call" if len(errors) == 1 else f"{len(errors)} other calls"
            failure.add_note(f"{others} failed, with {errors[0][1]!r} first of all")
