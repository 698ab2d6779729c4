"""Acceleration of client libraries in unmodified programs: ``install(http=True)``.

Each package has a function here that is given the package's module, as soon as that has been
imported, replaces some of its methods, and returns what puts them back.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

from ._aiohttp.in_place import accelerate_aiohttp
from ._httpx.in_place import accelerate_httpx

__all__ = ("ACCELERATORS", "install", "uninstall")

#: Puts back what was replaced.
Undo = Callable[[], None]

#: By the name of each package: the function that accelerates it; its result is None if it has
#: replaced nothing.
ACCELERATORS: dict[str, Callable[[ModuleType], Undo | None]] = {
    "aiohttp": accelerate_aiohttp,
    "httpx": accelerate_httpx,
    "httpx2": accelerate_httpx,
}

_undo: list[Undo] = []


def install(when_imported: Callable[[str, Callable[[ModuleType], None]], None]) -> None:
    """Accelerate each package that is imported already, and the others when they are.

    Arguments:
        when_imported: ``when_imported(name, call)`` calls ``call(module)`` now if the module is
            imported, and each time that it is executed later.
    """
    for name, accelerate in ACCELERATORS.items():
        when_imported(name, lambda module, accelerate=accelerate: _accelerate(module, accelerate))


def uninstall() -> None:
    """Put back what `install` has replaced, the last first."""
    while _undo:
        _undo.pop()()


def _accelerate(module: ModuleType, accelerate: Callable[[ModuleType], Undo | None]) -> None:
    undo = accelerate(module)
    if undo is not None:
        _undo.append(undo)
