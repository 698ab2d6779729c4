"""Versions of packages whose private parts are used."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from importlib import metadata

__all__ = ("are_known",)

_logger = logging.getLogger("aioxide.http")
_announced: set[str] = set()


def are_known(package: str, known: dict[str, Iterable[str]]) -> bool:
    """Return whether a package may be accelerated; if not, one line per process is logged.

    Arguments:
        package: its name.
        known: for each distribution that counts, the beginnings of the versions that are known,
            such as ``("0.28.",)``.
    """
    for name, beginnings in known.items():
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            version = "(no metadata)"
        if not version.startswith(tuple(beginnings)):
            if package not in _announced:
                _announced.add(package)
                _logger.warning("%s is not accelerated: %s %s is unknown", package, name, version)
            return False
    return True
