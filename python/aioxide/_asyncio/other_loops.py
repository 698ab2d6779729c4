"""Other packages' loops, and how ours takes their place.

A program, or the server that runs it, may ask for uvloop by name. ``install(loops=True)`` puts our
loop class under the name that the package gives its own. All else of the package is left as it is:
its functions and policies look the class up under that name each time, to make a loop or to
recognise one.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from types import ModuleType

__all__ = ("PACKAGES", "announce", "places")

#: What each package calls its loop class.
PACKAGES = {"uvloop": "Loop", "rloop": "RLoop", "zuvloop": "EventLoop"}

_logger = logging.getLogger("aioxide")
_announced: set[str] = set()


def places(package: str) -> Iterator[tuple[ModuleType, str]]:
    """Yield each module of an imported package that has the loop class, and the name there."""
    name = PACKAGES[package]
    for module_name, module in list(sys.modules.items()):
        if module_name == package or module_name.startswith(f"{package}."):
            if isinstance(getattr(module, name, None), type):
                yield module, name


def announce(package: str, replaced: bool) -> None:
    """Log which loop a program gets that asks for the package's, once in a process."""
    if package in _announced:
        return
    _announced.add(package)
    if replaced:
        _logger.warning("loops of %s are aioxide's here (--keep-loops leaves them alone)", package)
    else:
        _logger.warning("%s has no class %s; its loops are its own", package, PACKAGES[package])
