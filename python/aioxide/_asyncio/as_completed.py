"""``as_completed``: a generator up to Python 3.12, a native iterator from 3.13 on."""

from __future__ import annotations

import sys

__all__ = ("as_completed",)

if sys.version_info >= (3, 13):
    from .._aioxide import as_completed
else:
    from asyncio import iscoroutine
    from collections.abc import Coroutine, Generator, Iterable
    from typing import Any

    from .. import _aioxide

    def as_completed(
        fs: Iterable[Any], *, timeout: float | None = None
    ) -> Generator[Coroutine[Any, Any, Any]]:
        """Yield coroutines, each of which returns the result of the next awaitable that is done.

        Arguments:
            fs: an iterable of awaitables.
            timeout: seconds until the coroutines raise ``TimeoutError``; the awaitables are not
                cancelled then. None means no limit.

        Raises:
            TypeError: ``fs`` is a future or a coroutine itself. This is a generator, so the
                exception is raised at the first step.

        https://docs.python.org/3/library/asyncio-task.html#asyncio.as_completed
        """
        if _aioxide.isfuture(fs) or iscoroutine(fs):
            raise TypeError(f"expect an iterable of futures, not {type(fs).__name__}")
        # Not `yield from`: values sent in and exceptions thrown in must stop here.
        for coroutine in _aioxide._in_order_of_completion(fs, timeout):  # noqa: UP028
            yield coroutine
