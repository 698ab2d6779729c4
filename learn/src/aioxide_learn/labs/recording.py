"""A virtual loop that is recorded by aioxide: what each task did and waited for."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import aioxide
from aioxide.recording import mark
from aioxide.testing import VirtualLoop

from . import trace
from .life import Lives
from .report import Part, Span

#: A part of the path of every installed library's files.
_LIBRARIES = "site-packages"
_AIOXIDE = str(Path(aioxide.__file__).parent)
#: Real seconds that the loop waits for an event of a socket before its clock goes on. Both ends of
#: each connection are in this process, so that nothing takes longer.
PATIENCE = 0.01


class RecordedLoop(VirtualLoop):
    """A ``VirtualLoop`` that knows every task which was made on it.

    While aioxide records, its events have a mark with the virtual time wherever the clock may move.

    Arguments:
        seed: of the order, or None for asyncio's.
        look: called with the virtual time whenever nothing is ready.
    """

    __slots__ = ("_lives", "_look")

    def __init__(self, seed: int | None, look: Callable[[float], None] | None = None) -> None:
        super().__init__(seed=seed, patience=PATIENCE)
        self._lives: list[list] = []
        self._look = look

    def create_task(self, coro, **options):
        task = super().create_task(coro, **options)
        # The number is known while the task lives.
        life = [task, coro, self.time(), None, aioxide._aioxide._task_id(task)]
        self._lives.append(life)
        task.add_done_callback(lambda done: life.__setitem__(3, self.time()))
        return task

    def _outside(self):
        mark(repr(self.time()))
        if self._look is not None:
            self._look(self.time())
        return super()._outside()

    def spans(self, hidden: set[asyncio.Task], parts: dict[int, list[Part]]) -> list[Span]:
        """Return the lives of all tasks but `hidden`, in the order in which they were made.

        Tasks that a library makes for itself are left out.

        Arguments:
            parts: what each did, by its number in the recording.
        """
        now = self.time()
        return [
            Span(
                task.get_name(),
                getattr(coro, "__qualname__", repr(coro)),
                round(start, 6),
                round(now if end is None else end, 6),
                _state(task),
                parts.get(number, []),
            )
            for task, coro, start, end, number in self._lives
            if task not in hidden and not _is_of_library(coro)
        ]

    def numbers(self, hidden: set[asyncio.Task]) -> set[int]:
        """Return the numbers in the recording of the tasks that `spans` returns."""
        return {
            number
            for task, coro, _, _, number in self._lives
            if task not in hidden and not _is_of_library(coro)
        }

    def forget(self) -> None:
        """Drop the tasks, so that the interpreter reports what was lost with them; look no more."""
        self._lives.clear()
        self._look = None


def timeline(
    recording: aioxide.recording.Recording,
    loop: RecordedLoop,
    hidden: set[asyncio.Task],
    path: str,
) -> list[Span]:
    """Return the tasks of a run that was recorded, with what each did and waited for.

    Arguments:
        hidden: tasks that are left out.
        path: the file whose lines are named.
    """
    descriptor, name = tempfile.mkstemp(suffix=".aiotrace")
    os.close(descriptor)
    try:
        recording.dump(name)
        events = trace.read(Path(name).read_bytes(), path)
    finally:
        os.unlink(name)
    lives = Lives(loop.numbers(hidden))
    return loop.spans(hidden, lives.parts(events, loop.time()))


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
