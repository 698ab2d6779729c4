"""Checks of arguments that must be plain callables."""

from __future__ import annotations

import sys
from asyncio import coroutines

__all__ = ("check_callback", "is_coroutine_or_function")

if sys.version_info >= (3, 14):
    # asyncio's own is deprecated from here on.
    from inspect import iscoroutinefunction as _is_coroutine_function
else:
    from asyncio.coroutines import iscoroutinefunction as _is_coroutine_function


def is_coroutine_or_function(callback) -> bool:
    """Return whether ``callback`` is a coroutine or a coroutine function."""
    return coroutines.iscoroutine(callback) or _is_coroutine_function(callback)


def check_callback(callback, method: str) -> None:
    """Raise ``TypeError`` unless ``callback`` is a plain callable.

    Arguments:
        callback: the argument of ``method``.
        method: the name of the method, for the message.
    """
    if is_coroutine_or_function(callback):
        raise TypeError(f"coroutines cannot be used with {method}()")
    if not callable(callback):
        raise TypeError(f"a callable object was expected by {method}(), got {callback!r}")
