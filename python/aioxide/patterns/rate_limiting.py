"""Limiting the rate of an operation."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from . import arguments

__all__ = ("RateLimiter",)


class RateLimiter:
    """Limits how many tasks may enter per second, in the order of their arrival.

    A token bucket on the clock of the event loop: it holds ``burst`` tokens at most, is full
    at first, and is refilled with ``rate / per`` tokens per second. A task that finds too few
    tokens waits. In any ``t`` seconds, at most ``burst + t * rate / per`` tokens are taken.
    With ``burst=1`` the entries are evenly spaced::

        limiter = RateLimiter(100, per=60)

        async with limiter:
            await call_the_service()

    Leaving the block returns no token: only the rate of entries is limited. To limit how many
    tasks are in the block at a time, use ``asyncio.Semaphore``.

    A cancelled waiter takes no token, and the waiters behind it move up. Like asyncio's
    locks, a limiter belongs to the loop that first used it and to that loop's thread.

    Arguments:
        rate: how many tokens are added per ``per`` seconds.
        per: the period, in seconds.
        burst: the size of the bucket, that is how many may enter at once after a pause;
            ``rate`` by default, and at least one.

    Raises:
        TypeError: an argument is not a number.
        ValueError: an argument is not positive and finite.
    """

    def __init__(self, rate: float, per: float = 1.0, burst: float | None = None) -> None:
        rate = arguments.positive("rate", rate)
        per = arguments.positive("per", per)
        self._interval = arguments.positive("per / rate", per / rate)
        self._burst = max(1.0, rate) if burst is None else arguments.positive("burst", burst)
        # The bucket is one number, the time at which it is full again. Taking tokens adds
        # to it, and refilling causes no rounding errors.
        self._full_at = float("-inf")
        # Ordered, so that any waiter can be removed in O(1).
        self._waiters: OrderedDict[asyncio.Future[None], float] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def __repr__(self) -> str:
        state = f"{1 / self._interval:g} per second, burst:{self._burst:g}"
        if self._waiters:
            state += f", waiters:{len(self._waiters)}"
        return f"<{type(self).__name__} {state}>"

    async def acquire(self, n: float = 1) -> None:
        """Take ``n`` tokens; wait until they are there and all earlier waiters have theirs.

        If there is no need to wait, it returns without yielding to the event loop.

        Arguments:
            n: how many tokens, at most ``burst``; for example the number of bytes, for a limit
                in bytes per second.

        Raises:
            TypeError: ``n`` is not a number.
            ValueError: ``n`` is not positive, or greater than ``burst``.
            RuntimeError: the limiter belongs to another event loop.

        If it is cancelled, no token is taken, even if the tokens were assigned already.
        """
        n = arguments.positive("n", n)
        if n > self._burst:
            raise ValueError(f"{n:g} tokens are more than the burst of {self._burst:g}")
        loop = self._bind()
        if not self._waiters and self._ready_at(n) <= (now := loop.time()):
            self._take(n, now)
            return
        waiter = loop.create_future()
        self._waiters[waiter] = n
        self._arm(loop)
        try:
            await waiter
        except asyncio.CancelledError:
            if self._waiters.pop(waiter, None) is None:
                self._full_at -= n * self._interval
            # The next waiter may need fewer tokens, or the bucket has more now.
            self._arm(loop)
            raise

    async def __aenter__(self) -> None:
        await self.acquire()

    async def __aexit__(self, *exc_info: object) -> None:
        pass

    def _bind(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise RuntimeError(f"{self!r} is bound to a different event loop")
        return loop

    def _ready_at(self, n: float) -> float:
        """Return the time at which the bucket has ``n`` tokens."""
        return self._full_at + (n - self._burst) * self._interval

    def _take(self, n: float, now: float) -> None:
        self._full_at = max(self._full_at, now) + n * self._interval

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        """Set the timer for when the first waiter can be served."""
        when = self._ready_at(next(iter(self._waiters.values()))) if self._waiters else None
        if self._timer is not None:
            if self._timer.when() == when:
                return
            self._timer.cancel()
            self._timer = None
        if when is not None:
            self._timer = loop.call_at(when, self._serve, loop)

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wake the waiters whose tokens are there."""
        now = loop.time()
        if self._timer is not None:
            # A loop may call a little early, by its clock's resolution.
            now = max(now, self._timer.when())
            self._timer = None
        while self._waiters:
            waiter, n = next(iter(self._waiters.items()))
            if self._ready_at(n) > now:
                break
            del self._waiters[waiter]
            if not waiter.done():
                self._take(n, now)
                waiter.set_result(None)
        self._arm(loop)
