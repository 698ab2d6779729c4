"""A clock for the tests that only goes on when nothing else is left to do."""

import asyncio
import heapq
import itertools

import pytest


def on_virtual_clock(base):
    """Derives from a loop class one whose timers follow a clock of their own."""

    class VirtualClockLoop(base):
        def __init__(self):
            self.now = 1000.0
            self.timers = []
            self.numbers = itertools.count()
            super().__init__()

        def time(self):
            return self.now

        def call_later(self, delay, callback, *args, context=None):
            return self.call_at(self.now + delay, callback, *args, context=context)

        def call_at(self, when, callback, *args, context=None):
            handle = asyncio.TimerHandle(when, callback, args, self, context)
            heapq.heappush(self.timers, (when, next(self.numbers), handle))
            return handle

        def _timer_handle_cancelled(self, handle):
            pass  # it is passed over when its time comes

        def run_on_clock(self, coroutine):
            """Runs a coroutine to its end; a deadlock, not a deadline, makes it fail."""
            task = self.create_task(coroutine)
            while not task.done():
                self.call_soon(self.stop)
                self.run_forever()
                if not self._ready and not task.done():
                    self.fire_next(task)
            return task.result()

        def fire_next(self, task):
            while self.timers:
                when, _, handle = heapq.heappop(self.timers)
                if not handle.cancelled():
                    self.now = max(self.now, when)
                    self.call_soon(handle._run)
                    return
            task.cancel()
            pytest.fail(f"nothing will ever wake {task!r}", pytrace=False)

    return VirtualClockLoop


@pytest.fixture
def loop_factory(loop_factory, kind, api):
    return on_virtual_clock(asyncio.SelectorEventLoop if kind == "asyncio" else api.Loop)


@pytest.fixture
def run(loop):
    """Runs a coroutine on ``loop``, whose clock goes on when nothing else is left to do."""
    return loop.run_on_clock


@pytest.fixture
def settle():
    """A coroutine function that lets everything that is ready run."""

    async def let_run():
        for _ in range(10):
            await asyncio.sleep(0)

    return let_run
