"""``cr_origin`` of native coroutines: where they were made, in debug mode."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Coroutine
from typing import Any

__all__ = ("origin_of", "remember")

_origins: weakref.WeakKeyDictionary[Coroutine[Any, Any, Any], tuple[tuple[str, int, str], ...]]
_origins = weakref.WeakKeyDictionary()


def remember(coroutine: Coroutine[Any, Any, Any]) -> None:
    """Record the call stack, up to the interpreter's origin tracking depth."""
    depth = sys.get_coroutine_origin_tracking_depth()
    frame = sys._getframe(1) if depth > 0 else None
    places = []
    while frame is not None and len(places) < depth:
        places.append((frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
        frame = frame.f_back
    if places:
        _origins[coroutine] = tuple(places)


def origin_of(coroutine: Coroutine[Any, Any, Any]) -> tuple[tuple[str, int, str], ...] | None:
    """Return file, line and function of each frame, innermost first; None if not recorded."""
    return _origins.get(coroutine)
