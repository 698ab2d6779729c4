"""Places in source code, and whose code it is."""

from __future__ import annotations

import functools
import os
import sysconfig
from typing import NamedTuple

__all__ = ("Place", "is_of_loop", "is_own", "is_package", "own_place")

#: This package.
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_STARTUP = os.path.join(os.path.dirname(_PACKAGE[:-1]), "_aioxide_startup.py")


def _folders(*names: str) -> tuple[str, ...]:
    found = {sysconfig.get_path(name) for name in names} - {None}
    real = found | {os.path.realpath(path) for path in found}
    return tuple(sorted(path + os.sep for path in real))


_STANDARD = _folders("stdlib", "platstdlib")
_INSTALLED = _folders("purelib", "platlib")


class Place(NamedTuple):
    """A line of source code."""

    file: str
    """The file's name as its code object has it."""
    line: int
    """The line, from 1; 0 if it is not known."""
    function: str
    """The qualified name of the function."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line} in {self.function}"


@functools.lru_cache(maxsize=4096)
def is_package(file: str) -> bool:
    """Whether ``file`` is of aioxide or of asyncio, or is not a file of source code at all."""
    if file.startswith((_PACKAGE, "<frozen ", "<aioxide>")) or file == _STARTUP:
        return True
    return any(file.startswith(folder + "asyncio" + os.sep) for folder in _STANDARD)


@functools.lru_cache(maxsize=4096)
def is_own(file: str) -> bool:
    """Whether ``file`` is the program's own: neither the standard library's nor installed."""
    if is_package(file):
        return False
    if any(part in ("site-packages", "dist-packages") for part in file.split(os.sep)):
        return False
    return not file.startswith(_STANDARD + _INSTALLED)


def is_of_loop(file: str, function: str) -> bool:
    """Whether it is the loop's own function: what is further out is not of the running item."""
    return is_package(file) and function.rpartition(".")[2] == "run_forever"


def own_place(stack: tuple[Place, ...]) -> Place | None:
    """Return the innermost line of the program's own code.

    Arguments:
        stack: the outermost frame first.

    Returns:
        If none is the program's own, the innermost one that is not asyncio's; None if there is
        none either.
    """
    others = [place for place in reversed(stack) if not is_package(place.file)]
    for place in others:
        if is_own(place.file):
            return place
    return others[0] if others else None
