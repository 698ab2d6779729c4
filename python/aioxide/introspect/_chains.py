"""From a task's coroutine inward, to the future that it waits for."""

from __future__ import annotations

import asyncio
import gc
import types
from typing import Any, NamedTuple

from .._aioxide import Coroutine, FutureIterator, SocketCall
from .._asyncio.call_graphs import Suspended
from ._places import Place, is_package

__all__ = ("Link", "chain", "locals_of", "referents")

#: A longer chain contains a cycle.
_LONGEST = 10_000


def _step_types() -> tuple[type, ...]:
    async def generator():
        yield

    made = generator()
    steps = made.__anext__(), made.athrow(ValueError)
    for step in steps:
        step.close()
    return tuple(type(step) for step in steps)


#: Steps of an asynchronous generator, which have no name in ``types``.
_STEPS = _step_types()
_NATIVE = (Coroutine, SocketCall)
#: What stands at the inner end of most chains.
_FUTURES = (asyncio.Future, FutureIterator)


class Link(NamedTuple):
    """A coroutine of the chain, or what stands in its place."""

    awaitable: Any
    """The coroutine, the generator, or an awaitable that nobody can look into.

    A native coroutine is in several links if asyncio's function awaits another one of asyncio's.
    """
    place: Place | None
    """Where it stands; None for what has no code."""
    is_package: bool
    """Whether it is a function of asyncio, or one that aioxide has in its place."""


def chain(coroutine: Any) -> list[Link]:
    """Return the coroutines that await one another, the outermost first."""
    links: list[Link] = []
    while coroutine is not None and len(links) < _LONGEST:
        if isinstance(coroutine, _STEPS):
            # The interpreter does not tell which generator this is a step of; the collector does.
            inside = [
                each
                for each in gc.get_referents(coroutine)
                if isinstance(each, types.AsyncGeneratorType)
            ]
            coroutine = inside[0] if inside else None
            continue
        place = _place(coroutine)
        native = isinstance(coroutine, _NATIVE)
        if place is None and not native:
            links.append(Link(coroutine, None, False))
            break
        ours = place is None or is_package(place.file) or place.line <= 0
        # The inner functions of a native coroutine have stand-ins, which refer to nothing.
        inside = isinstance(coroutine, Suspended) and links
        links.append(Link(links[-1].awaitable if inside else coroutine, place, ours))
        coroutine = _awaited(coroutine)
    return links


def locals_of(link: Link) -> dict[str, Any]:
    """Return the local variables of a coroutine that is written in Python; none for others."""
    frame = _first(link.awaitable, "cr_frame", "gi_frame", "ag_frame")
    if not isinstance(frame, types.FrameType):
        return {}
    return dict(frame.f_locals)


def referents(link: Link) -> list[Any]:
    """Return what the coroutine refers to: local variables, open ``with`` blocks, arguments."""
    if link.place is None and isinstance(link.awaitable, _FUTURES):
        # It refers to everybody who waits for it, and so do thousands of tasks to one future.
        return []
    return gc.get_referents(link.awaitable)


def _place(coroutine: Any) -> Place | None:
    frame = _first(coroutine, "cr_frame", "gi_frame", "ag_frame")
    if frame is None:
        return None
    code = frame.f_code
    name = getattr(coroutine, "__qualname__", None)
    return Place(code.co_filename, frame.f_lineno or 0, name or code.co_qualname)


def _awaited(coroutine: Any) -> Any:
    return _first(coroutine, "cr_await", "gi_yieldfrom", "ag_await")


def _first(owner: Any, *names: str) -> Any:
    for name in names:
        try:
            value = getattr(owner, name, None)
        except Exception:
            # A foreign awaitable may do anything when it is asked.
            continue
        if value is not None:
            return value
    return None
