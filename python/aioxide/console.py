"""Let ``aioxide top`` look into this process while it runs.

``start()`` begins a recording, if none runs, and opens a Unix socket that only processes
of this user can connect to, in ``$XDG_RUNTIME_DIR/aioxide`` or ``/tmp/aioxide-UID``.
``AIOXIDE_CONSOLE=1`` in the environment does the same for a program as it is. Nothing
listens otherwise. A native thread answers, which needs no GIL, so that the console works
while the loop is blocked; it costs what a recording costs, and little while nobody looks.

A child made by ``os.fork`` has no console until it starts its own.
"""

from __future__ import annotations

import atexit
import os
import sys

from . import _aioxide
from .recording._session import record, record_from_outside

__all__ = ("is_running", "start", "stop")


def start() -> str:
    """Start the console of this process; do nothing if it runs.

    The recording that it needs is started too, and goes on after ``stop()``.

    Returns:
        The path of the socket.

    Raises:
        OSError: the socket cannot be made.
    """
    if not _aioxide._is_recording():
        record()
    atexit.register(_aioxide._stop_console)
    return os.fspath(
        _aioxide._start_console(
            [str(argument) for argument in getattr(sys, "argv", [])],
            sys.executable or "",
            sys.version.split()[0],
        )
    )


def stop() -> None:
    """Stop the console: end its connections and remove its socket."""
    _aioxide._stop_console()


def is_running() -> bool:
    """Return whether the console runs."""
    return _aioxide._console_path() is not None


def start_from_outside() -> None:
    """Start the console for whoever has started the program, before its first line."""
    if not _aioxide._is_recording():
        record_from_outside()
    start()


def start_by_environment() -> None:
    """Start the console if ``AIOXIDE_CONSOLE`` says so."""
    if os.environ.get("AIOXIDE_CONSOLE", "") not in ("", "0"):
        start_from_outside()
