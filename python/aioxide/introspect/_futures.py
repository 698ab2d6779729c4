"""What a future stands for that a task awaits itself: a task, a gather(), a call in a thread."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import itertools
import linecache
import textwrap
import threading
from collections.abc import Iterator
from typing import Any

from ._chains import Link
from ._found import Found, named
from ._places import own_place

__all__ = ("of_future", "one_look")

#: The coroutine of anyio that waits for its thread.
_ANYIO = "AsyncIOBackend.run_sync_in_worker_thread"


def of_future(links: list[Link], waiter: Any) -> Found:
    """Return what a task waits for that awaits a future, by the future and by the source.

    Arguments:
        links: the coroutines of the task.
        waiter: the future.
    """
    if isinstance(waiter, asyncio.Task):
        return Found("task", f"task {waiter.get_name()!r}", (waiter,))
    children = getattr(waiter, "_children", None)
    if type(waiter).__name__ == "_GatheringFuture" and children is not None:
        futures = [child for child in tuple(children) if not child.done()]
        tasks = tuple(child for child in futures if isinstance(child, asyncio.Task))
        whose = f": {named(tasks)}" if tasks else ""
        return Found("gather", f"gather() of {len(children)}{whose}", tasks)
    tasks = _shielded(waiter)
    if tasks:
        return Found("task", f"{named(tasks)}, through shield()", tasks)
    expression = _awaited_expression(links)
    if "run_in_executor" in expression or _is_call_in_executor(waiter):
        return Found("thread", f"a call in an executor{_quoted(expression)}")
    if any(link.place is not None and link.place.function.endswith(_ANYIO) for link in links):
        # What FastAPI and Starlette do with a plain function.
        return Found("thread", "a call in a thread of anyio's")
    if waiter is None:
        return Found("future", f"a future{_quoted(expression)}")
    if not isinstance(waiter, asyncio.Future):
        return Found("foreign future", f"a {type(waiter).__qualname__}{_quoted(expression)}")
    return Found("future", f"a future{_quoted(expression)}")


def _shielded(waiter: Any) -> tuple[asyncio.Task[Any], ...]:
    """Return the task that a future of ``shield()`` stands for, if it is one."""
    for entry in _first_callbacks(waiter):
        callback = entry[0] if isinstance(entry, tuple) else entry
        inner = _closed_over(callback, "inner")
        if isinstance(inner, asyncio.Task) and not inner.done():
            return (inner,)
    return ()


def _first_callbacks(waiter: Any) -> tuple[Any, ...]:
    """Return the callbacks that were added first: those of who made the future."""
    known = getattr(_look, "callbacks", {})
    if id(waiter) not in known:
        first = tuple(itertools.islice(getattr(waiter, "_callbacks", None) or (), 8))
        # With the waiter, so that its address is no other's meanwhile.
        known[id(waiter)] = waiter, first
    return known[id(waiter)][1]


@contextlib.contextmanager
def one_look() -> Iterator[None]:
    """Read the callbacks of a future once for all tasks that wait for it, in this thread."""
    _look.callbacks = {}
    try:
        yield
    finally:
        del _look.callbacks


_look = threading.local()


def _closed_over(function: Any, name: str) -> Any:
    code, cells = getattr(function, "__code__", None), getattr(function, "__closure__", None)
    if code is None or cells is None or name not in code.co_freevars:
        return None
    try:
        return cells[code.co_freevars.index(name)].cell_contents
    except ValueError:
        return None


def _is_call_in_executor(waiter: Any) -> bool:
    callbacks = [
        entry[0] if isinstance(entry, tuple) else entry for entry in _first_callbacks(waiter)
    ]
    return any("_call_check_cancel" in getattr(each, "__qualname__", "") for each in callbacks)


def _quoted(expression: str) -> str:
    if not expression:
        return ""
    return f": {expression}" if len(expression) <= 60 else f": {expression[:57]}..."


def _awaited_expression(links: list[Link]) -> str:
    """Return the source of what the innermost coroutine with source awaits, if it is at hand."""
    link = next((each for each in reversed(links) if each.place is not None), None)
    if link is None or link.is_package or own_place((link.place,)) is None:
        return ""
    lines = linecache.getlines(link.place.file)
    if not 0 < link.place.line <= len(lines):
        return ""
    try:
        parsed = ast.parse(textwrap.dedent(lines[link.place.line - 1].strip()).removesuffix(":"))
    except (SyntaxError, ValueError):
        return ""
    awaits = [node for node in ast.walk(parsed) if isinstance(node, ast.Await)]
    return ast.unparse(awaits[0].value) if len(awaits) == 1 else ""
