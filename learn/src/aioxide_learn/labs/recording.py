"""A virtual loop that records the life of each task."""

from __future__ import annotations

import asyncio

from aioxide.testing import VirtualLoop

from .report import Span

#: Real seconds that the loop waits for an event of a socket before its clock goes on. Both ends of
#: each connection are in this process, so that nothing takes longer.
PATIENCE = 0.05


class RecordedLoop(VirtualLoop):
    """A ``VirtualLoop`` that knows every task which was made on it."""

    __slots__ = ("_lives",)

    def __init__(self, seed: int | None) -> None:
        super().__init__(seed=seed, patience=PATIENCE)
        self._lives: list[list] = []

    def create_task(self, coro, **options):
        task = super().create_task(coro, **options)
        life = [task, task.get_name(), getattr(coro, "__qualname__", repr(coro)), self.time(), None]
        self._lives.append(life)
        task.add_done_callback(lambda done: life.__setitem__(4, self.time()))
        return task

    def spans(self, hidden: set[asyncio.Task]) -> list[Span]:
        """Return the lives of all tasks but `hidden`, in the order in which they were made."""
        now = self.time()
        return [
            Span(
                _name(task),
                coroutine,
                round(start, 6),
                round(now if end is None else end, 6),
                _state(task),
            )
            for task, _, coroutine, start, end in self._lives
            if task not in hidden
        ]

    def forget(self) -> None:
        """Drop the tasks, so that the interpreter reports what was lost with them."""
        self._lives.clear()


def _name(task: asyncio.Task) -> str:
    return task.get_name()


def _state(task: asyncio.Task) -> str:
    if not task.done():
        return "pending"
    if task.cancelled():
        return "cancelled"
    # Read without retrieving it: whether the program retrieves it is what matters.
    return "failed" if task._exception is not None else "done"
