"""Asynchronous generators that were not exhausted: how a loop closes them."""

from __future__ import annotations

import warnings
import weakref
from asyncio import tasks

from .exceptions import ExceptionHandling

__all__ = ("AsyncGenerators",)


class AsyncGenerators(ExceptionHandling):
    """Tracks the generators that are being iterated, so that they can be closed."""

    __slots__ = ()  # See Loop.

    def __init__(self) -> None:
        super().__init__()
        # Weak: the loop must not keep an abandoned generator alive, because the
        # generator's finalizer schedules aclose().
        self._asyncgens: weakref.WeakSet = weakref.WeakSet()
        self._asyncgens_shutdown_called = False

    async def shutdown_asyncgens(self) -> None:
        """Close every asynchronous generator that is still being iterated.

        If a generator raises while it is closed, the exception goes to the
        loop's exception handler, and the remaining ones are still closed. A
        generator that is first iterated after this call causes a
        ``ResourceWarning``.

        Cancellation is passed on to the running ``aclose()`` calls.

        https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.shutdown_asyncgens
        """
        self._asyncgens_shutdown_called = True
        generators = list(self._asyncgens)
        if not generators:
            return
        self._asyncgens.clear()

        outcomes = await tasks.gather(
            *[generator.aclose() for generator in generators], return_exceptions=True
        )
        for generator, outcome in zip(generators, outcomes, strict=True):
            if isinstance(outcome, Exception):
                self.call_exception_handler(
                    {
                        "message": "an error occurred during closing of "
                        f"asynchronous generator {generator!r}",
                        "exception": outcome,
                        "asyncgen": generator,
                    }
                )

    def _asyncgen_firstiter_hook(self, generator) -> None:
        if self._asyncgens_shutdown_called:
            warnings.warn(
                f"asynchronous generator {generator!r} was scheduled after "
                f"loop.shutdown_asyncgens() call",
                ResourceWarning,
                stacklevel=2,
                source=self,
            )
        self._asyncgens.add(generator)

    def _asyncgen_finalizer_hook(self, generator) -> None:
        # The garbage collector may call this in any thread.
        self._asyncgens.discard(generator)
        if not self.is_closed():
            self.call_soon_threadsafe(self.create_task, generator.aclose())
