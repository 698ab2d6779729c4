"""How the standard library's own front doors lead to this loop."""

from __future__ import annotations

import asyncio
from asyncio import events, unix_events
from types import ModuleType
from typing import Any, NamedTuple

from .loop import Loop, new_event_loop
from .policy import EventLoopPolicy
from .vocabulary import replacements

__all__ = ("install", "uninstall")


class _Swap(NamedTuple):
    """One attribute of asyncio, what it was and what it is instead."""

    module: ModuleType
    name: str
    original: Any
    replacement: Any


_swaps: list[_Swap] = []


def install() -> None:
    """Make the loops that asyncio creates from now on ours.

    ``asyncio.run()``, ``asyncio.Runner()``, ``asyncio.new_event_loop()`` and
    ``asyncio.EventLoop`` (Python 3.13 and later) then give an
    ``aioxide.Loop``. Functions that a module imported by name before follow,
    since they ask the event loop policy at each call; the class ``EventLoop``
    imported by name stays what it was. Loops that exist are not touched.

    What else of asyncio is native, such as ``asyncio.Lock``, is put under its
    name there too; modules that imported it by name before keep the standard
    one, which works on this loop as well.

    Installing twice is the same as once.
    """
    if _swaps:
        return
    if hasattr(events, "_event_loop_policy"):
        # The variable itself: the function that sets it warns from Python 3.14
        # on, and the one that reads it would create a policy in passing.
        _swap(events, "_event_loop_policy", EventLoopPolicy())
    else:
        _swap(events, "new_event_loop", new_event_loop)
        _swap(asyncio, "new_event_loop", new_event_loop)
    for module in (asyncio, unix_events):
        if hasattr(module, "EventLoop"):
            _swap(module, "EventLoop", Loop)
    for module, name, native in replacements():
        _swap(module, name, native)


def uninstall() -> None:
    """Undo ``install()``: asyncio creates its own loops again.

    What was there before comes back, a policy of the program's own included.
    What somebody else has replaced since stays. Without an ``install()`` to
    undo, nothing happens.
    """
    for swap in _swaps:
        if getattr(swap.module, swap.name, None) is swap.replacement:
            setattr(swap.module, swap.name, swap.original)
    _swaps.clear()


def _swap(module: ModuleType, name: str, replacement) -> None:
    _swaps.append(_Swap(module, name, getattr(module, name), replacement))
    setattr(module, name, replacement)
