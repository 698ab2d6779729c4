"""How the processes that a program starts come to run on aioxide, too.

A forked process is a copy and needs nothing. One that ``multiprocessing`` starts anew is sent what
it must know before its own work, and one that runs ``sys.executable`` inherits the environment.
What both do then is in ``_aioxide_startup``.

Imported when aioxide is installed: who only imports the package has nothing of this.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

import _aioxide_startup as startup

__all__ = ("adopt", "inherit", "keep_loops", "keep_to_itself", "prepared_by")

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
    _aioxide_startup.begin(loops)
"""


def prepared_by(original: Callable[[str], dict[str, Any]], loops: Callable[[], bool]):
    """Make ``multiprocessing.spawn.get_preparation_data`` prepare for aioxide as well.

    Arguments:
        original: that function.
        loops: tells what the new process is to give ``install()``.
    """

    @functools.wraps(original)
    def get_preparation_data(name: str) -> dict[str, Any]:
        # The process may come from a server that was started while the environment said otherwise.
        wanted = None if startup.is_off() else loops()
        return {**original(name), "aioxide": _Begin(wanted)}

    return get_preparation_data


class _Begin:
    """What a new process is sent: reading it has an effect, its value is none."""

    def __init__(self, loops: bool | None) -> None:
        self._loops = loops

    def __reduce__(self):
        folder = os.path.dirname(os.path.abspath(startup.__file__))
        return exec, (_BEGIN, {"folder": folder, "loops": self._loops})


def keep_loops() -> bool:
    """Tell whether the environment says that other packages' loops are to be left alone."""
    return os.environ.get(startup.VARIABLE) == startup.KEEP_LOOPS


def inherit(loops: bool) -> None:
    """Tell the Python processes that this one starts, by the environment, to use aioxide.

    Nothing happens if the environment says that they must not.
    """
    global _inherited
    if startup.is_off():
        return
    value = startup.ON if loops else startup.KEEP_LOOPS
    before = _inherited[0] if _inherited else os.environ.get(startup.VARIABLE)
    os.environ[startup.VARIABLE] = value
    _inherited = (before, value)


def adopt() -> None:
    """Take over what this process was told by its environment, so that it can be taken back."""
    global _inherited
    value = os.environ.get(startup.VARIABLE)
    if value and not startup.is_off():
        _inherited = (None, value)


def keep_to_itself() -> None:
    """Undo `inherit` and `adopt`, unless the program has said something else since."""
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
