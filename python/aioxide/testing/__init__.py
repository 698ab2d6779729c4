"""Testing programs that use asyncio: without waiting, and in many orders.

A ``VirtualLoop`` is an event loop whose clock jumps: ``await sleep(3600)`` takes
no time, deadlines come in order, and a program that can never go on is told so
with a ``DeadlockError`` that says which task waits for what, and where::

    from aioxide import testing

    testing.run(main())

With a seed, what is ready at the same time runs in an order drawn from it.
``interleavings`` tries many, and names the seed of the first that fails::

    testing.interleavings(main, n=1000)
    testing.run(main(), seed=17)      # that one again

pytest finds the plugin in ``aioxide.testing.plugin`` by itself: the fixture
``virtual_loop`` and the markers ``virtual_loop`` and ``interleavings``, which
also run tests that are ``async def``.
"""

from __future__ import annotations

from .deadlocks import DeadlockError
from .run import interleavings, run
from .virtual_loop import VirtualLoop

__all__ = ("DeadlockError", "VirtualLoop", "interleavings", "run")
