"""Cancelling a task at a certain one of its awaits."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any


class CutAt:
    """Awaits `coroutine` and cancels the task when it waits for the `number`-th time.

    The request comes before the wait begins, in the next iteration or after `delay` seconds, by the
    choice of `manner`: 0, 1 or 2. What the task waited for is added to `places`.
    """

    def __init__(
        self,
        coroutine: Coroutine[Any, Any, None],
        number: int,
        manner: int,
        delay: float,
        places: set[str],
    ) -> None:
        self._coroutine = coroutine
        self._number = number
        self._manner = manner
        self._delay = delay
        self._places = places
        self.has_cut = False

    def __await__(self) -> Generator[Any, Any, None]:
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        step = self._coroutine.send
        value: Any = None
        count = 0
        timer: asyncio.TimerHandle | None = None
        try:
            while True:
                try:
                    waited_for = step(value)
                except StopIteration:
                    return
                count += 1
                if count == self._number:
                    self.has_cut = True
                    self._places.add(self._place())
                    if self._manner == 0:
                        task.cancel()
                    elif self._manner == 1:
                        loop.call_soon(task.cancel)
                    else:
                        timer = loop.call_later(self._delay, task.cancel)
                try:
                    value = yield waited_for
                    step = self._coroutine.send
                except BaseException as exc:
                    value = exc
                    step = self._coroutine.throw
        finally:
            # A request that comes when all is over is for nobody.
            if timer is not None:
                timer.cancel()
            self._coroutine.close()

    def _place(self) -> str:
        """The innermost function that waits, and its line."""
        inner: Any = self._coroutine
        place = "?"
        while (frame := getattr(inner, "cr_frame", None)) is not None:
            place = f"{frame.f_code.co_qualname}:{frame.f_lineno}"
            inner = inner.cr_await
        return place
