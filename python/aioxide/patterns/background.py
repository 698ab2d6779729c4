"""Background tasks: tasks that are not awaited."""

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

# A loop refers to its tasks weakly. These references are grouped by loop, so that the
# unfinished tasks of a closed loop can be dropped.
_kept: dict[asyncio.AbstractEventLoop, set[asyncio.Task[Any]]] = {}


def background(
    coro: Coroutine[Any, Any, T], *, name: str | None = None, context: Context | None = None
) -> asyncio.Task[T]:
    """Start a coroutine as a task that need not be awaited.

    A reference to the task is kept until it ends: otherwise a task without references may be
    garbage-collected before its end. If it fails and no task awaits it, the exception goes to
    the loop's exception handler at once, not only when the task is collected. Awaiting the
    task raises the exception, also after it was reported.

    Arguments:
        coro: the coroutine.
        name: the task's name.
        context: the context that it runs in; a copy of the current one by default.

    Returns:
        The task. It may be awaited, cancelled, or ignored.

    Raises:
        TypeError: ``coro`` is not a coroutine.
        RuntimeError: no event loop is running.

    With a ``BackgroundScope`` around the call, in the same task or in one that started it,
    the task has ended when the scope is left. If the results of several tasks belong
    together, use ``asyncio.TaskGroup`` instead.
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
        # A task that awaits this one resumes in the next iteration, as does one in
        # asyncio.wait() or a similar function. They must be able to retrieve the exception
        # before it is reported.
        loop = task.get_loop()
        loop.call_soon(loop.call_soon, _report, scope, task)


def _report(scope: BackgroundScope | None, task: asyncio.Task[Any]) -> None:
    # No public attribute shows whether the exception was retrieved. For a task without this
    # one, assume that it was not.
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
    """A block that ends when the background tasks that were started in it have ended.

    This includes every call of ``background()`` in the block, in functions that it calls, and
    in tasks that were started in it::

        async with BackgroundScope():               # waits for them at the end
            await serve_a_request()

        async with BackgroundScope(cancel=True):    # cancels them at the end
            await serve_requests_for_ever()

    A task that fails ends neither the other tasks nor the scope: its exception is reported as
    described for ``background``. If one failure should cancel all tasks, use
    ``asyncio.TaskGroup``.

    If the block raises or is cancelled, the tasks are cancelled. If the scope is cancelled
    while it waits at its end, it cancels the tasks, waits until they have ended, and then
    raises ``CancelledError``. If a task outlives the scope, tasks that it starts belong to the
    enclosing scope.

    Arguments:
        cancel: cancel the tasks at the end, instead of waiting until they end by themselves.

    Raises:
        RuntimeError: the scope was entered before.
    """

    def __init__(self, *, cancel: bool = False) -> None:
        self._cancel = cancel
        # A dictionary, so that tasks are cancelled in the order of their start.
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._outer: BackgroundScope | None = None
        self._state = "new"
        self._loop: asyncio.AbstractEventLoop | None = None
        self._empty: asyncio.Future[None] | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._state}, tasks:{len(self._tasks)}>"

    def cancel(self) -> None:
        """Cancel the running tasks of the scope. The end of the scope waits for them."""
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
            # A frame that refers to its own exception would be a reference cycle.
            cancelled = None

    @staticmethod
    def _innermost(loop: asyncio.AbstractEventLoop) -> BackgroundScope | None:
        """Return the innermost open scope of ``loop``."""
        scope = _scope.get()
        # The context may be from another thread, or from a task that has ended.
        while scope is not None and (scope._state == "closed" or scope._loop is not loop):
            scope = scope._outer
        return scope

    def _add(self, task: asyncio.Task[Any]) -> None:
        self._tasks[task] = None
        if self._state == "cancelling":
            # Started by a cancelled task while it ended.
            task.cancel()

    def _end(self) -> None:
        self._state = "cancelling"
        self.cancel()

    def _remove(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)
        if not self._tasks and self._empty is not None and not self._empty.done():
            self._empty.set_result(None)
