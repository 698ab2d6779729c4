"""How often may something happen?"""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from . import arguments

__all__ = ("RateLimiter",)


class RateLimiter:
    """Lets in no more than so many per second, in the order of their coming.

    A token bucket on the clock of the event loop: it holds ``burst`` tokens at most, is full
    at first, and is filled at ``rate / per`` tokens a second. Who finds too few in it waits.
    In ``t`` seconds, wherever they begin, no more than ``burst + t * rate / per`` are let
    in. With ``burst=1`` they come one by one, evenly spaced::

        limiter = RateLimiter(100, per=60)

        async with limiter:
            await call_the_service()

    Leaving the block gives nothing back: it is the rate of beginnings that is limited. How
    many run at a time is the business of ``asyncio.Semaphore``.

    A waiter that is cancelled takes nothing, and those behind it move up. Like asyncio's
    locks, a limiter belongs to the loop that first used it and to that loop's thread.

    Arguments:
        rate: how many are let in per ``per`` seconds.
        per: seconds.
        burst: how many may be let in at once after a quiet time; ``rate`` if it is not
            given, and at least one.

    Raises:
        TypeError: an argument is not a number.
        ValueError: an argument is not positive and finite.
    """

    def __init__(self, rate: float, per: float = 1.0, burst: float | None = None) -> None:
        rate = arguments.positive("rate", rate)
        per = arguments.positive("per", per)
        self._interval = arguments.positive("per / rate", per / rate)
        self._burst = max(1.0, rate) if burst is None else arguments.positive("burst", burst)
        # The bucket is one number, the time at which it is full again: taking tokens adds
        # to it, and no rounding builds up from being filled.
        self._full_at = float("-inf")
        # Ordered, so that any waiter is taken out at once, whatever stands before it.
        self._waiters: OrderedDict[asyncio.Future[None], float] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def __repr__(self) -> str:
        state = f"{1 / self._interval:g} per second, burst:{self._burst:g}"
        if self._waiters:
            state += f", waiters:{len(self._waiters)}"
        return f"<{type(self).__name__} {state}>"

    async def acquire(self, n: float = 1) -> None:
        """Take ``n`` tokens, waiting until they are there and all who came before have theirs.

        Who need not wait does not let others run either.

        Arguments:
            n: how many, at most ``burst``; bytes, say, of a limit on bytes.

        Raises:
            TypeError: ``n`` is not a number.
            ValueError: ``n`` is not positive, or more than the bucket ever holds.
            RuntimeError: the limiter belongs to another event loop.

        When it is cancelled nothing is taken, even if its turn had come already.
        """
        n = arguments.positive("n", n)
        if n > self._burst:
            raise ValueError(f"{n:g} tokens are more than the burst of {self._burst:g}")
        loop = self._bind()
        if not self._waiters and self._ready_at(n) <= (now := loop.time()):
            self._take(n, now)
            return
        turn = loop.create_future()
        self._waiters[turn] = n
        self._arm(loop)
        try:
            await turn
        except asyncio.CancelledError:
            if self._waiters.pop(turn, None) is None:
                self._full_at -= n * self._interval
            # The next one may want less, or the bucket has more.
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
        """Have the waiters served when the first of them can be."""
        when = self._ready_at(next(iter(self._waiters.values()))) if self._waiters else None
        if self._timer is not None:
            if self._timer.when() == when:
                return
            self._timer.cancel()
            self._timer = None
        if when is not None:
            self._timer = loop.call_at(when, self._serve, loop)

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let in everybody whose tokens are there."""
        now = loop.time()
        if self._timer is not None:
            # A loop may call a little early, by as much as its clock can tell.
            now = max(now, self._timer.when())
            self._timer = None
        while self._waiters:
            turn, n = next(iter(self._waiters.items()))
            if self._ready_at(n) > now:
                break
            del self._waiters[turn]
            if not turn.done():
                self._take(n, now)
                turn.set_result(None)
        self._arm(loop)
