"""``install()`` and ``uninstall()``: asyncio's own functions use this loop."""

from __future__ import annotations

import asyncio
import sys
from asyncio import events
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from ..loop import Loop, new_event_loop
from . import loop_classes, nest_asyncio, other_loops
from .policy import EventLoopPolicy
from .replacements import replacements

if TYPE_CHECKING:
    from _aioxide_startup import ImportWatch as _ImportWatch

__all__ = ("install", "uninstall")


class _Swap(NamedTuple):
    """One attribute of a module, its original value and its replacement."""

    module: ModuleType
    name: str
    original: Any
    replacement: Any


_swaps: list[_Swap] = []
# While installed: calls back when a module is imported that has to be changed.
_watch: _ImportWatch | None = None
_replaces_loops = False
_accelerates_http = False


def install(loops: bool = False, http: bool = False) -> None:
    """Make asyncio create aioxide's loops from now on.

    ``asyncio.run()``, ``asyncio.Runner()``, ``asyncio.new_event_loop()``, the event loop policies
    and the class ``asyncio.SelectorEventLoop`` (from Python 3.13 on also ``asyncio.EventLoop``),
    called without a selector, then return an ``aioxide.Loop``; ``isinstance(loop,
    asyncio.BaseEventLoop)`` is true for it. Called with a selector, the class returns asyncio's
    loop, and subclasses of it do not change. If the program sets a policy of its own afterwards,
    that policy still makes its own loops. Existing loops do not change.

    Other native classes and functions, such as ``asyncio.Lock``, replace asyncio's under the same
    name. Modules that imported a name before keep the standard object, which works on this loop
    too.

    Processes that ``multiprocessing`` starts are installed as well, unless the environment
    variable ``AIOXIDE`` is ``0``.

    Installing twice is the same as once. Do not call it in a library: this is the decision of the
    program. A program that can choose its runner uses ``aioxide.run()`` instead.

    Arguments:
        loops: replace the loop classes of uvloop, rloop and zuvloop as well, for programs that use
            one of these packages. The logger ``aioxide`` then writes one line. Nothing happens
            where a package is not installed.
        http: send the requests of httpx and httpx2 clients by the native HTTP client, as long as
            they run on this loop and nothing on their way is replaced. Nothing happens where a
            package is not installed; a version that is not known is left alone, and the logger
            ``aioxide.http`` writes one line.
    """
    global _accelerates_http, _replaces_loops, _watch
    if _watch is None:
        from _aioxide_startup import ImportWatch

        _watch = ImportWatch()
        try:
            _watch.start()
            _install_ours(_watch)
        except BaseException:
            uninstall()
            raise
    if loops and not _replaces_loops:
        _replaces_loops = True
        for package in other_loops.PACKAGES:
            _change(_watch, package, _replace_loop)
    if http and not _accelerates_http:
        _accelerates_http = True
        from ..http import _in_place

        watch = _watch
        _in_place.install(lambda name, change: _change(watch, name, change))


def uninstall() -> None:
    """Undo ``install()``: asyncio creates its own loops again.

    Every original is restored, including a policy of the program's own. Names
    that other code has replaced since are not touched. Without an ``install()``
    to undo, nothing happens.
    """
    global _accelerates_http, _replaces_loops, _watch
    if _watch is None:
        return
    from . import child_processes

    _watch.stop()
    _watch = None
    _replaces_loops = False
    if _accelerates_http:
        _accelerates_http = False
        from ..http import _in_place

        _in_place.uninstall()
    loop_classes.stand_alone()
    child_processes.keep_to_itself()
    while _swaps:
        swap = _swaps.pop()
        if getattr(swap.module, swap.name, None) is swap.replacement:
            setattr(swap.module, swap.name, swap.original)


def install_for_program(*, keeps_loops: bool, http: bool) -> None:
    """Install as ``python -m aioxide`` does: in the program's child processes, too."""
    from . import child_processes

    loops = not keeps_loops and not child_processes.keep_loops()
    http = http or child_processes.accelerate_http()
    # This may be such a child process, installed with another choice than its command line has.
    uninstall()
    install(loops, http)
    child_processes.inherit(loops, http)


def install_in_child(loops: bool, http: bool = False) -> None:
    """Install in a process whose parent has aioxide installed."""
    if _watch is None:
        install(loops, http)
        from . import child_processes

        child_processes.adopt()


def _install_ours(watch: _ImportWatch) -> None:
    if hasattr(events, "_event_loop_policy"):
        # The variable itself: the function that sets it warns from Python 3.14
        # on, and the one that reads it would create a policy.
        _swap(events, "_event_loop_policy", EventLoopPolicy())
    else:
        _swap(events, "new_event_loop", new_event_loop)
        _swap(asyncio, "new_event_loop", new_event_loop)
    loop_classes.give_way()
    for module, name, native in replacements():
        _swap(module, name, native)
    _change(watch, "multiprocessing.spawn", _prepare_children)
    for package in nest_asyncio.PACKAGES:
        _change(watch, package, _refuse_nesting)


def _change(watch: _ImportWatch, name: str, change: Callable[[ModuleType], None]) -> None:
    """Change a module now if it has been imported, and each time that it is executed."""
    if name in sys.modules:
        change(sys.modules[name])
    watch.when_imported(name, change)


def _prepare_children(spawn: ModuleType) -> None:
    from . import child_processes

    prepared = child_processes.prepared_by(
        spawn.get_preparation_data, lambda: (_replaces_loops, _accelerates_http)
    )
    _swap(spawn, "get_preparation_data", prepared)


def _refuse_nesting(package: ModuleType) -> None:
    for name, refusing in nest_asyncio.refusals(package):
        _swap(package, name, refusing)


def _replace_loop(package: ModuleType) -> None:
    found = list(other_loops.places(package.__name__))
    for module, name in found:
        _swap(module, name, Loop)
    other_loops.announce(package.__name__, bool(found))


def _swap(module: ModuleType, name: str, replacement) -> None:
    _swaps.append(_Swap(module, name, getattr(module, name), replacement))
    setattr(module, name, replacement)
