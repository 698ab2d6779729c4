"""What the checks of a lab are written with.

A lab's ``checks.py`` holds coroutine functions, each decorated with ``checks``::

    @checks("The jobs overlap")
    async def overlap(program, stage):
        result, seconds = await stage.timed(program.run_jobs([("a", 1), ("b", 2)]))
        stage.require(seconds == 2, f"Two jobs took {seconds:g} seconds.")

Each runs in several orders, on a virtual clock, with the learner's file executed anew.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from types import ModuleType
from typing import Any, TypeVar

from .findings import Findings

_T = TypeVar("_T")

#: In how many drawn orders a check runs, besides asyncio's own order.
ORDERS = 6


class Failed(Exception):
    """The learner's file does not do what the check asks for; the message says what and why."""


def checks(name: str, *, orders: int = ORDERS) -> Callable:
    """Mark a coroutine function of `checks.py` as the check called `name`.

    Arguments:
        name: what is asked for, as a sentence.
        orders: the number of drawn orders; 0 runs it in asyncio's order alone.
    """

    def mark(function):
        function.check_name, function.orders = name, orders
        return function

    return mark


class Stage:
    """One run of one check: the learner's tasks run here.

    Attributes:
        program: the learner's file as a module.
        loop: the loop of this run.
        own: the tasks of the check itself, which no timeline shows.
        started: the tasks of the learner that the check has started.
        serving: whether something of the learner's is meant to run on; while it is, a check that
            fails does not blame the file for what is left.
    """

    def __init__(self, program: ModuleType, findings: Findings) -> None:
        self.program = program
        self.loop = asyncio.get_running_loop()
        self.own: set[asyncio.Task] = {asyncio.current_task()}
        self.started: list[asyncio.Task] = []
        self.serving = False
        self._findings = findings
        self._closing: list[Callable[[], Coroutine]] = []

    def require(self, condition: Any, message: str) -> None:
        """Fail with `message` unless `condition` holds."""
        if not condition:
            raise Failed(message)

    def now(self) -> float:
        """Return the virtual time in seconds, without rounding errors of a float."""
        return round(self.loop.time(), 6)

    def start(self, coroutine: Coroutine[Any, Any, _T], name: str = "main") -> asyncio.Task[_T]:
        """Run a coroutine of the learner as a task of this name."""
        if not inspect.iscoroutine(coroutine):
            raise Failed(
                f"A call gave {coroutine!r:.80} instead of a coroutine: write `async def`."
            )
        task = asyncio.create_task(coroutine, name=name)
        self.started.append(task)
        return task

    async def call(self, coroutine: Coroutine[Any, Any, _T], name: str = "main") -> _T:
        """Run a coroutine of the learner to its end and return its result."""
        return await self.start(coroutine, name)

    async def timed(
        self, coroutine: Coroutine[Any, Any, _T], name: str = "main"
    ) -> tuple[_T, float]:
        """Return the result of a coroutine and the virtual seconds that it took."""
        before = self.loop.time()
        result = await self.call(coroutine, name)
        return result, round(self.loop.time() - before, 6)

    async def error_of(
        self, coroutine: Coroutine[Any, Any, Any], kinds: type | tuple[type, ...], expected: str
    ) -> BaseException:
        """Return the exception of `kinds` that a coroutine raises.

        Raises:
            Failed: it raises none; the message is `expected`.
        """
        try:
            await self.call(coroutine)
        except kinds as exc:
            return exc
        raise Failed(expected)

    def background(self, coroutine: Coroutine[Any, Any, _T], name: str = "check") -> asyncio.Task:
        """Run a coroutine of the check itself: it is in no timeline and may outlive the run."""
        task = asyncio.create_task(coroutine, name=name)
        self.own.add(task)
        return task

    def at_end(self, function: Callable[[], Coroutine]) -> None:
        """Call and await `function` at the end of this run, whatever its result."""
        self._closing.append(function)

    async def finish(self) -> None:
        """Close what the check has opened."""
        while self._closing:
            await self._closing.pop()()

    async def look_for_tasks(self, message: str | None = None) -> None:
        """Fail if a task of the learner is still there, as at the end of every check."""
        for _ in range(5):
            await asyncio.sleep(0)
        left = [task for task in asyncio.all_tasks() if task not in self.own]
        if left:
            names = ", ".join(sorted({task.get_coro().__qualname__ + "()" for task in left}))
            line = 0
            for task in left:
                frames = task.get_stack(limit=1)
                if frames and frames[0].f_code.co_filename == self._findings.path:
                    line = frames[0].f_lineno
            what = "A task was" if len(left) == 1 else f"{len(left)} tasks were"
            self._findings.add(
                "task-left",
                message
                or f"{what} still running when your code had ended: {names}. Whoever starts a task "
                "also waits for its end: await it, or cancel it and await it.",
                line,
            )
