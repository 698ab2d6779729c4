"""Run a program's main coroutine from start to end."""

from __future__ import annotations

import asyncio
from asyncio import events

from ..loop import new_event_loop

__all__ = ("Runner", "run")


class Runner(asyncio.Runner):
    """``asyncio.Runner`` that makes an ``aioxide.Loop`` by default.

    Arguments:
        debug: switch the loop's debug mode on or off; None means the default of
            the environment.
        loop_factory: makes the loop. Without it, the runner's loop is also the
            current loop of the thread until the runner is closed.

    https://docs.python.org/3/library/asyncio-runner.html#asyncio.Runner
    """

    def __init__(self, *, debug=None, loop_factory=None) -> None:
        super().__init__(debug=debug, loop_factory=loop_factory or new_event_loop)
        self._sets_current_loop = loop_factory is None

    def _lazy_init(self) -> None:
        starting = self._loop is None
        super()._lazy_init()
        if starting and self._sets_current_loop:
            events.set_event_loop(self._loop)
            # asyncio.Runner resets the current loop on close if this is set.
            self._set_event_loop = True


def run(main, *, debug=None, loop_factory=None):
    """Run a coroutine on a new ``aioxide.Loop`` and return its result.

    At the end it cancels the remaining tasks, shuts down asynchronous generators
    and the default executor, and closes the loop. Ctrl-C cancels the coroutine
    and then raises ``KeyboardInterrupt``. Call it once, at the start of a program;
    for several calls on one loop use ``Runner``.

    Arguments:
        main: the coroutine.
        debug: switch the loop's debug mode on or off; None means the default of
            the environment.
        loop_factory: makes the loop, in place of ``aioxide.new_event_loop``.

    Raises:
        RuntimeError: a loop is already running in this thread.
        ValueError: ``main`` is not a coroutine; ``TypeError`` from Python 3.14
            on.
        BaseException: the exception that ``main`` raises.

    https://docs.python.org/3/library/asyncio-runner.html#asyncio.run
    """
    if events._get_running_loop() is not None:
        raise RuntimeError("asyncio.run() cannot be called from a running event loop")
    with Runner(debug=debug, loop_factory=loop_factory) as runner:
        return runner.run(main)
