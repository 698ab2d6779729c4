"""aiohttp in unmodified programs: what ``aioxide.install(http=True)`` does to it."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

__all__ = ("accelerate_aiohttp",)


def accelerate_aiohttp(module: ModuleType) -> Callable[[], None] | None:
    """Let the requests of aiohttp's sessions run natively; return what undoes that.

    None: this version of aiohttp is not known, or something else has replaced
    ``ClientSession._request`` already.

    Arguments:
        module: aiohttp, imported.
    """
    from .sessions import install, uninstall

    return uninstall if install() else None
