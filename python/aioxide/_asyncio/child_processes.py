"""Install aioxide in the child processes of a program.

A forked process is a copy and needs nothing. A process that ``multiprocessing`` spawns is sent the
setting before its own work, and one that runs ``sys.executable`` inherits the environment. What
both do then is in ``_aioxide_startup``.

This module is imported by ``install()``, not by the package.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

import _aioxide_startup as startup

__all__ = ("accelerate_http", "adopt", "inherit", "keep_loops", "keep_to_itself", "prepared_by")

# The variable's value before `inherit` and after it.
_inherited: tuple[str | None, str] | None = None

# Executed in a new process while it reads what it is sent. Its `sys.path` is not yet the program's.
_BEGIN = """
import sys
try:
    import _aioxide_startup
except ImportError:
    sys.path.append(folder)
    try:
        import _aioxide_startup
    except ImportError:
        _aioxide_startup = None
    sys.path.remove(folder)
if _aioxide_startup is not None:
    _aioxide_startup.begin(loops, **more)
"""


def prepared_by(original: Callable[[str], dict[str, Any]], chosen: Callable[[], tuple[bool, bool]]):
    """Make ``multiprocessing.spawn.get_preparation_data`` prepare for aioxide as well.

    Arguments:
        original: that function.
        chosen: returns the arguments of ``install()`` for the new process, loops and http.
    """

    @functools.wraps(original)
    def get_preparation_data(name: str) -> dict[str, Any]:
        # Decided now: a fork server may have been started under another environment.
        loops, http = (None, False) if startup.is_off() else chosen()
        return {**original(name), "aioxide": _Begin(loops, http)}

    return get_preparation_data


class _Begin:
    """Sent to a new process: unpickling it installs aioxide there, and gives None."""

    def __init__(self, loops: bool | None, http: bool) -> None:
        self._loops = loops
        self._http = http

    def __reduce__(self):
        folder = os.path.dirname(os.path.abspath(startup.__file__))
        more = {"http": True} if self._http else {}
        return exec, (_BEGIN, {"folder": folder, "loops": self._loops, "more": more})


def keep_loops() -> bool:
    """Return whether the environment says that other packages' loops are not to be replaced."""
    return startup.said(startup.KEEP_LOOPS)


def accelerate_http() -> bool:
    """Return whether the environment says that HTTP clients are to be accelerated."""
    return startup.said(startup.HTTP)


def inherit(loops: bool, http: bool) -> None:
    """Set the environment variable that makes child Python processes use aioxide.

    Nothing happens if the environment disables aioxide.
    """
    global _inherited
    if startup.is_off():
        return
    words = [word for word, on in ((startup.KEEP_LOOPS, not loops), (startup.HTTP, http)) if on]
    value = ",".join(words) or startup.ON
    before = _inherited[0] if _inherited else os.environ.get(startup.VARIABLE)
    os.environ[startup.VARIABLE] = value
    _inherited = (before, value)


def adopt() -> None:
    """Record the setting that this process inherited, so that `keep_to_itself` can undo it."""
    global _inherited
    value = os.environ.get(startup.VARIABLE)
    if value and not startup.is_off():
        _inherited = (None, value)


def keep_to_itself() -> None:
    """Undo `inherit` and `adopt`, unless the program has changed the variable since."""
    global _inherited
    if _inherited is None:
        return
    before, value = _inherited
    _inherited = None
    if os.environ.get(startup.VARIABLE) == value:
        if before is None:
            del os.environ[startup.VARIABLE]
        else:
            os.environ[startup.VARIABLE] = before
