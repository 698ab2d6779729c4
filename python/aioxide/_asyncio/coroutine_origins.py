"""Where native coroutines were made: what ``cr_origin`` shows, in debug mode."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Coroutine
from typing import Any

__all__ = ("origin_of", "remember")

_origins: weakref.WeakKeyDictionary[Coroutine[Any, Any, Any], tuple[tuple[str, int, str], ...]]
_origins = weakref.WeakKeyDictionary()


def remember(coroutine: Coroutine[Any, Any, Any]) -> None:
    """Record the caller, and its callers, as many as the interpreter is told to record."""
    depth = sys.get_coroutine_origin_tracking_depth()
    frame = sys._getframe(1) if depth > 0 else None
    places = []
    while frame is not None and len(places) < depth:
        places.append((frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
        frame = frame.f_back
    if places:
        _origins[coroutine] = tuple(places)


def origin_of(coroutine: Coroutine[Any, Any, Any]) -> tuple[tuple[str, int, str], ...] | None:
    """Give the file, line and function of each, the caller first; None if not recorded."""
    return _origins.get(coroutine)
