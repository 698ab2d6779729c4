"""What becomes of a task that nobody waits for?"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Coroutine
from contextvars import Context, ContextVar
from types import TracebackType
from typing import Any, TypeVar

__all__ = ("BackgroundScope", "background")

T = TypeVar("T")

_scope: ContextVar[BackgroundScope | None] = ContextVar("aioxide.background", default=None)

# A loop refers to its tasks weakly. Here they are by loop, so that what was never finished
# on a loop that is closed can be given up.
_kept: dict[asyncio.AbstractEventLoop, set[asyncio.Task[Any]]] = {}


def background(
    coro: Coroutine[Any, Any, T], *, name: str | None = None, context: Context | None = None
) -> asyncio.Task[T]:
    """Start a coroutine as a task that needs no looking after.

    The task is kept alive until it ends: a task that nobody refers to may otherwise vanish
    in the middle. If it fails and nobody waits for it, the exception goes to the loop's
    exception handler at once, not when the task is collected, which may be never. Whoever
    awaits the task gets the exception, also after it was reported.

    Arguments:
        coro: the coroutine.
        name: the task's name.
        context: the context it runs in; a copy of the current one if it is not given.

    Returns:
        The task. It may be awaited, cancelled, or forgotten.

    Raises:
        TypeError: ``coro`` is not a coroutine.
        RuntimeError: no event loop runs.

    A ``BackgroundScope`` around the call, in the same task or in one that started this one,
    sees to it that the task has ended when the scope is left.
    """
    task = asyncio.create_task(coro, name=name, context=context)
    loop = task.get_loop()
    tasks = _kept.get(loop)
    if tasks is None:
        for other in list(_kept):
            if other.is_closed():
                _kept.pop(other, None)
        tasks = _kept[loop] = set()
    tasks.add(task)
    scope = BackgroundScope._innermost(loop)
    if scope is not None:
        scope._add(task)
    task.add_done_callback(functools.partial(_ended, scope))
    return task


def _ended(scope: BackgroundScope | None, task: asyncio.Task[Any]) -> None:
    if task.cancelled():
        _let_go(scope, task)
    else:
        # Who awaits the task runs in the next iteration. So does who awaits asyncio.wait() and
        # the like, if they were told in this iteration; they must have had the time to ask.
        loop = task.get_loop()
        loop.call_soon(loop.call_soon, _settle, scope, task)


def _settle(scope: BackgroundScope | None, task: asyncio.Task[Any]) -> None:
    # Nothing public tells whether an exception was asked for. A task without this attribute
    # is taken for one that nobody asked.
    if getattr(task, "_log_traceback", True):
        error = task.exception()
        if isinstance(error, Exception):
            task.get_loop().call_exception_handler(
                {
                    "message": f"Exception in background task {task.get_name()!r}",
                    "exception": error,
                    "task": task,
                }
            )
    _let_go(scope, task)


def _let_go(scope: BackgroundScope | None, task: asyncio.Task[Any]) -> None:
    loop = task.get_loop()
    tasks = _kept.get(loop)
    if tasks is not None:
        tasks.discard(task)
        if not tasks:
            _kept.pop(loop, None)
    if scope is not None:
        scope._remove(task)


class BackgroundScope:
    """Ends with the background tasks that were started in it.

    Every ``background()`` in the block counts, however deep in the calls it is, and also in
    tasks that were started in the block::

        async with BackgroundScope():               # waits for them at the end
            await serve_a_request()

        async with BackgroundScope(cancel=True):    # cancels them at the end
            await serve_requests_for_ever()

    A task that fails does not end the others, nor the scope: its exception is reported as
    ``background`` says. Where one failure is everybody's, use ``asyncio.TaskGroup``.

    If the block raises, or is cancelled, the tasks are cancelled. Cancelled while it waits,
    the scope cancels the tasks, waits until they have ended, and then raises
    ``CancelledError``. What a task starts that outlives the scope belongs to the scope
    around it.

    Arguments:
        cancel: whether the tasks are cancelled at the end, or waited for.
    """

    def __init__(self, *, cancel: bool = False) -> None:
        self._cancel = cancel
        # A dictionary, so that they are cancelled in the order of their start.
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._outer: BackgroundScope | None = None
        self._state = "new"
        self._loop: asyncio.AbstractEventLoop | None = None
        self._empty: asyncio.Future[None] | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._state}, tasks:{len(self._tasks)}>"

    def cancel(self) -> None:
        """Cancel the tasks that run in the scope now. They are waited for at its end."""
        for task in list(self._tasks):
            task.cancel()

    async def __aenter__(self) -> BackgroundScope:
        if self._state != "new":
            raise RuntimeError(f"{self!r} has already been entered")
        self._state = "open"
        self._loop = asyncio.get_running_loop()
        self._outer = _scope.get()
        _scope.set(self)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        cancelled: asyncio.CancelledError | None = None
        if self._cancel or exc is not None:
            self._end()
        try:
            while self._tasks:
                self._empty = asyncio.get_running_loop().create_future()
                try:
                    await self._empty
                except asyncio.CancelledError as error:
                    cancelled = error
                    self._end()
            if cancelled is not None:
                raise cancelled
        finally:
            self._state = "closed"
            self._empty = None
            _scope.set(self._outer)
            # A frame that refers to its own exception is a cycle.
            cancelled = None

    @staticmethod
    def _innermost(loop: asyncio.AbstractEventLoop) -> BackgroundScope | None:
        """Return the innermost scope of a loop that is still open."""
        scope = _scope.get()
        # A context may have come here from another thread, or from a task that has ended.
        while scope is not None and (scope._state == "closed" or scope._loop is not loop):
            scope = scope._outer
        return scope

    def _add(self, task: asyncio.Task[Any]) -> None:
        self._tasks[task] = None
        if self._state == "cancelling":
            # Started by one of those that were cancelled, in answer to that.
            task.cancel()

    def _end(self) -> None:
        self._state = "cancelling"
        self.cancel()

    def _remove(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)
        if not self._tasks and self._empty is not None and not self._empty.done():
            self._empty.set_result(None)
