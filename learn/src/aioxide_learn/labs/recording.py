"""A virtual loop that records the life of each task."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aioxide
from aioxide.testing import VirtualLoop

from .report import Span

#: A part of the path of every installed library's files.
_LIBRARIES = "site-packages"
_AIOXIDE = str(Path(aioxide.__file__).parent)
#: Real seconds that the loop waits for an event of a socket before its clock goes on. Both ends of
#: each connection are in this process, so that nothing takes longer.
PATIENCE = 0.01


class RecordedLoop(VirtualLoop):
    """A ``VirtualLoop`` that knows every task which was made on it."""

    __slots__ = ("_lives",)

    def __init__(self, seed: int | None) -> None:
        super().__init__(seed=seed, patience=PATIENCE)
        self._lives: list[list] = []

    def create_task(self, coro, **options):
        task = super().create_task(coro, **options)
        life = [task, coro, self.time(), None]
        self._lives.append(life)
        task.add_done_callback(lambda done: life.__setitem__(3, self.time()))
        return task

    def spans(self, hidden: set[asyncio.Task]) -> list[Span]:
        """Return the lives of all tasks but `hidden`, in the order in which they were made.

        Tasks that a library makes for itself are left out.
        """
        now = self.time()
        return [
            Span(
                task.get_name(),
                getattr(coro, "__qualname__", repr(coro)),
                round(start, 6),
                round(now if end is None else end, 6),
                _state(task),
            )
            for task, coro, start, end in self._lives
            if task not in hidden and not _is_of_library(coro)
        ]

    def forget(self) -> None:
        """Drop the tasks, so that the interpreter reports what was lost with them."""
        self._lives.clear()


def _is_of_library(coro) -> bool:
    code = getattr(coro, "cr_code", None)
    path = getattr(code, "co_filename", "")
    # The loop's own coroutines have no file, but the names of asyncio's loop.
    own = getattr(coro, "__qualname__", "").startswith("BaseSelectorEventLoop.")
    return own or _LIBRARIES in path or path.startswith(_AIOXIDE)


def _state(task: asyncio.Task) -> str:
    if not task.done():
        return "pending"
    if task.cancelled():
        return "cancelled"
    # Read without retrieving it: whether the program retrieves it is what matters.
    return "failed" if task._exception is not None else "done"
