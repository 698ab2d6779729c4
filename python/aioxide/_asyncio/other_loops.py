"""Replace the loop classes of other packages.

A program, or the server that runs it, may ask for uvloop by name. ``install(loops=True)`` replaces
the package's loop class by ours, under the same name. Nothing else in the package is changed: its
functions and policies look the class up under that name each time that they make or test a loop.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from types import ModuleType

__all__ = ("PACKAGES", "announce", "places")

#: The name of the loop class in each package.
PACKAGES = {"uvloop": "Loop", "rloop": "RLoop", "zuvloop": "EventLoop"}

_logger = logging.getLogger("aioxide")
_announced: set[str] = set()


def places(package: str) -> Iterator[tuple[ModuleType, str]]:
    """Yield each module of an imported package that has the loop class, and the class's name."""
    name = PACKAGES[package]
    for module_name, module in list(sys.modules.items()):
        if module_name == package or module_name.startswith(f"{package}."):
            if isinstance(getattr(module, name, None), type):
                yield module, name


def announce(package: str, replaced: bool) -> None:
    """Log once per process which loop a program gets when it asks for the package's."""
    if package in _announced:
        return
    _announced.add(package)
    if replaced:
        _logger.warning("loops of %s are aioxide's here (--keep-loops leaves them alone)", package)
    else:
        _logger.warning("%s has no class %s; its loops are its own", package, PACKAGES[package])
