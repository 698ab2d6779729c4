"""Tests of asyncio programs on virtual time and in many orders.

A ``VirtualLoop`` is an event loop with a virtual clock: ``await sleep(3600)``
takes no time, and deadlines expire in order. A deadlock raises
``DeadlockError``, which lists the pending tasks, what each waits for, and where::

    from aioxide import testing

    testing.run(main())

With a seed, callbacks and tasks that are ready at the same time run in an order
drawn from that seed. ``interleavings`` tries many seeds, and names the first one
that fails::

    testing.interleavings(main, n=1000)
    testing.run(main(), seed=17)      # repeats the run with seed 17

pytest loads the plugin ``aioxide.testing.plugin`` automatically: the fixture
``virtual_loop`` and the markers ``virtual_loop`` and ``interleavings``, which
also run ``async def`` tests.
"""

from __future__ import annotations

from .deadlocks import DeadlockError
from .run import interleavings, run
from .virtual_loop import VirtualLoop

__all__ = ("DeadlockError", "VirtualLoop", "interleavings", "run")
