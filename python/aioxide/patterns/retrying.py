"""Repeating a failed operation."""

from __future__ import annotations

import asyncio
import functools
import inspect
import random
import reprlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from . import arguments

__all__ = ("Attempt", "retry")

P = ParamSpec("P")
T = TypeVar("T")

#: The greatest pause that doubling leads to, in seconds.
LONGEST_PAUSE = 60.0

# The repr of an exception may be very long, or raise.
_shown = reprlib.Repr()
_shown.maxother = 200


class retry:
    """Repeats a failed operation after a growing pause.

    As a decorator of a coroutine function::

        @retry(attempts=5, on=(OSError, asyncio.IncompleteReadError), timeout=10)
        async def fetch(url): ...

    or around a block::

        async for attempt in retry(attempts=5, on=OSError):
            async with attempt:
                reader, writer = await asyncio.open_connection(host, port)

    The exception of the last attempt is raised unchanged, with a note on each earlier attempt
    (``__notes__``, shown in the traceback).

    There is no further attempt after a cancellation, ``KeyboardInterrupt`` or any other
    exception that is not an ``Exception``, and none after an exception that was raised while
    the task was being cancelled. Do not use it for operations that must not run twice.

    Arguments:
        attempts: the greatest number of attempts, at least 1.
        backoff: the pause after the first attempt, in seconds. It is doubled after each
            further attempt, up to a minute. Or a function of the number of failed attempts
            that returns the seconds.
        jitter: the random part of a pause, from 0 (none) to 1 (all of it), so that clients
            that failed together do not try again at the same time.
        on: when to try again: an exception class, a tuple of classes, or a function of the
            exception.
        timeout: seconds for each attempt. An attempt that takes longer is cancelled, fails
            with ``TimeoutError``, and is followed by another one whatever ``on`` is. To limit
            all attempts and pauses together, put ``asyncio.timeout`` around them.

    Raises:
        TypeError, ValueError: an argument is of the wrong kind, or out of its range.

    One ``retry`` may be used any number of times, also concurrently.
    """

    def __init__(
        self,
        attempts: int = 3,
        backoff: float | Callable[[int], float] = 0.1,
        jitter: float = 0.5,
        on: type[Exception]
        | tuple[type[Exception], ...]
        | Callable[[Exception], object] = Exception,
        timeout: float | None = None,
    ) -> None:
        self.attempts = arguments.count("attempts", attempts)
        self._pause_after = backoff if callable(backoff) else _doubling(backoff)
        self._jitter = arguments.fraction("jitter", jitter)
        self._is_worth_it = _worth(on)
        self.timeout = None if timeout is None else arguments.positive("timeout", timeout)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} attempts:{self.attempts}>"

    def __aiter__(self) -> AsyncIterator[Attempt]:
        return _Attempts(self)

    def __call__(self, function: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[Any, Any, T]]:
        """Return a coroutine function that calls ``function`` up to ``attempts`` times."""
        if not callable(function) or inspect.isasyncgenfunction(function):
            raise TypeError(f"a coroutine function was expected, got {function!r}")

        @functools.wraps(function)
        async def attempt_until_done(*args: P.args, **kwargs: P.kwargs) -> T:
            async for attempt in self:
                async with attempt:
                    awaitable = function(*args, **kwargs)
                    if not inspect.isawaitable(awaitable):
                        break
                    return await awaitable
            raise TypeError(f"{function!r} returned {awaitable!r}, which cannot be awaited")

        return attempt_until_done

    def _pause(self, failures: int) -> float:
        """Return the seconds to wait after this number of failed attempts."""
        pause = arguments.seconds("backoff", self._pause_after(failures))
        return pause * (1 - self._jitter * random.random())


class _Attempts:
    """The attempts of one use of a ``retry``."""

    def __init__(self, policy: retry) -> None:
        self._policy = policy
        self._attempt: Attempt | None = None
        self._failures: list[str] = []

    def __aiter__(self) -> _Attempts:
        return self

    async def __anext__(self) -> Attempt:
        previous = self._attempt
        if previous is not None:
            if previous._state == "succeeded":
                raise StopAsyncIteration
            if previous._state != "failed":
                raise RuntimeError(
                    f"attempt {previous.number} was not made: 'async with' its object in the loop"
                )
            await asyncio.sleep(self._policy._pause(previous.number))
        number = 1 if previous is None else previous.number + 1
        self._attempt = Attempt(self._policy, number, self._failures)
        return self._attempt


class Attempt:
    """One attempt of a ``retry``; use it with ``async with`` around the operation.

    A failure with an attempt to follow ends the block without an exception. Any other
    exception is raised.
    """

    def __init__(self, policy: retry, number: int, failures: list[str]) -> None:
        self._policy = policy
        self._failures = failures
        self._state = "new"
        self._deadline: asyncio.Timeout | None = None
        self._cancelling = 0
        #: The number of this attempt; the first one is 1.
        self.number = number

    def __repr__(self) -> str:
        return f"<Attempt {self.number} of {self._policy.attempts} {self._state}>"

    @property
    def last(self) -> bool:
        """Whether there will be no attempt after this one."""
        return self.number == self._policy.attempts

    async def __aenter__(self) -> Attempt:
        if self._state != "new":
            raise RuntimeError(f"{self!r} has already been entered")
        self._state = "running"
        self._cancelling = _cancelling()
        self._deadline = asyncio.timeout(self._policy.timeout)
        await self._deadline.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if self._deadline is None:
            raise RuntimeError(f"{self!r} was not entered")
        error, timed_out = exc, False
        try:
            await self._deadline.__aexit__(exc_type, exc, traceback)
        except TimeoutError as expired:
            error, timed_out = expired, True
        try:
            if error is None:
                self._state = "succeeded"
                return False
            if self._is_worth_another(error, timed_out):
                self._failures.append(f"attempt {self.number} failed: {_shown.repr(error)}")
                self._state = "failed"
                return True
            self._state = "given up"
            if isinstance(error, Exception):
                for failure in self._failures:
                    error.add_note(failure)
            if timed_out:
                raise error
            return False
        finally:
            # A frame that refers to its own exception would be a reference cycle.
            error = None

    def _is_worth_another(self, error: BaseException, timed_out: bool) -> bool:
        if not isinstance(error, Exception) or self.last:
            return False
        if _cancelling() > self._cancelling:
            return False
        return timed_out or bool(self._policy._is_worth_it(error))


def _cancelling() -> int:
    """Return the number of pending requests to cancel the current task."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def _doubling(first: float) -> Callable[[int], float]:
    first = arguments.seconds("backoff", first)
    longest = max(first, LONGEST_PAUSE)
    # The exponent is limited, so that the float does not overflow.
    return lambda failures: min(first * 2.0 ** min(failures - 1, 1000), longest)


def _worth(
    on: type[Exception] | tuple[type[Exception], ...] | Callable[[Exception], object],
) -> Callable[[Exception], object]:
    if isinstance(on, type) or isinstance(on, tuple):
        classes = on if isinstance(on, tuple) else (on,)
        for one in classes:
            if not (isinstance(one, type) and issubclass(one, Exception)):
                raise TypeError(f"on must be a class of Exception, not {one!r}")
        return lambda error: isinstance(error, classes)
    if not callable(on):
        raise TypeError(f"on must be exceptions or a function, not {on!r}")
    return on
