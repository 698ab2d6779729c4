"""Reports of what blocks an event loop, while it blocks.

::

    import aioxide

    aioxide.watch(100)  # milliseconds

or ``aioxide --watch=100 app.py``, or ``AIOXIDE_WATCH=100`` in the environment. When one step of a
task, or one callback, holds a loop of aioxide longer than that, the logger ``aioxide.watchdog``
writes a warning at once: the program's own line, its stack, how long so far, how many ready tasks
wait, and what to use instead. A second one tells how long it took in the end. Both are findings of
``aioxide.lints`` too.

Code that keeps the GIL lets no Python code run, no logging either. It is reported to standard error
by a native thread, with the stack of the loop's thread, and logged as soon as the GIL is free.

A loop in debug mode is watched with its ``slow_callback_duration``, unless that is below 10 ms, or
above the threshold of ``watch()``. Debug mode alone logs these records beside those of asyncio, and
nothing more: no lint looks, and nothing is written to standard error.
"""

from __future__ import annotations

import atexit
import faulthandler
import math
import os
import signal
import sys
import sysconfig
import threading
from dataclasses import dataclass, field

from .. import _aioxide
from .._loop.forking import known_loops
from ..lints._patrol import Patrol
from ._reports import Reports, report_forever, report_pending

__all__ = ("unwatch", "watch")

_DEFAULT = 100.0


@dataclass
class _Pipe:
    """What the interpreter's fault handler writes stacks into."""

    signal: int
    reader: int
    writer: int


@dataclass
class _State:
    pipe: _Pipe | None = None
    thread: threading.Thread | None = None
    threshold: float | None = None
    patrol: Patrol | None = None
    reports: Reports = field(default_factory=Reports)


_state = _State()
_lock = threading.RLock()


def watch(ms: float = _DEFAULT) -> None:
    """Report steps and callbacks that hold an event loop for longer than ``ms``.

    Concerns all loops of aioxide in this process, those that run now as well, and begins to look
    for the faults that ``aioxide.lints`` describes. Called again, it changes the threshold. On
    Linux it takes one of the system's real-time signals, by which stacks are read while native
    code keeps the GIL. A forked child is watched when a loop runs in it.

    Arguments:
        ms: milliseconds, at least 1.

    Raises:
        ValueError: ``ms`` is less than 1, or not finite.
        OSError: the process is out of descriptors or threads.
        RuntimeError: the interpreter is ending.
    """
    if not (isinstance(ms, int | float) and math.isfinite(ms) and ms >= 1):
        raise ValueError(f"the threshold must be at least 1 millisecond, not {ms!r}")
    if sys.is_finalizing():
        # Up to 3.11 a thread could be started that never runs, and be waited for.
        raise RuntimeError("the event loop cannot be watched: the interpreter is ending")
    with _lock:
        _state.threshold = ms / 1000
        if _state.patrol is None:
            _state.patrol = Patrol()
            _state.patrol.start()
        _start()


def watch_by_environment(value: str) -> None:
    """Watch as the environment variable ``AIOXIDE_WATCH`` says.

    Arguments:
        value: milliseconds; 1 means the default.
    """
    try:
        watch(_DEFAULT if value == "1" else float(value))
    except ValueError:
        # No reason to stop a program.
        text = f"AIOXIDE_WATCH takes 1, or milliseconds, not {value!r}"
        print(f"aioxide: {text}", file=sys.stderr)


def unwatch() -> None:
    """End what ``watch()`` has begun.

    Without a ``watch()`` before, nothing happens.
    """
    with _lock:
        _state.threshold = None
        patrol, _state.patrol = _state.patrol, None
        if patrol is not None:
            patrol.stop()
        _aioxide._watchdog_stop()
        thread, _state.thread = _state.thread, None
        _close_pipe()
        for loop in known_loops():
            loop._choose_threshold()
    if thread is not None and thread is not threading.current_thread():
        thread.join(5)


def _start() -> None:
    """Start the threads for the threshold that was set; called by a loop that finds none."""
    if sys.is_finalizing():
        return
    with _lock:
        if _state.threshold is not None and _state.pipe is None:
            _state.pipe = _open_pipe()
        number, reader = (_state.pipe.signal, _state.pipe.reader) if _state.pipe else (None, None)
        generation = _aioxide._watchdog_start(_state.threshold, number, reader, _foreign_folders())
        if _state.thread is None or not _state.thread.is_alive():
            _state.thread = threading.Thread(
                target=report_forever,
                args=(generation, _state.reports, lambda: _state.patrol),
                name="aioxide-watchdog",
                daemon=True,
            )
            _state.thread.start()
        for loop in known_loops():
            loop._choose_threshold()


def _report_in_debug_mode(generation: int) -> None:
    """Start a thread that logs what there is to report, and ends; called while a loop blocks."""
    # No daemon: it ends soon, and the interpreter waits for it before it goes.
    threading.Thread(
        target=report_pending,
        args=(generation, _state.reports),
        name="aioxide-watchdog",
        daemon=False,
    ).start()


def _open_pipe() -> _Pipe | None:
    """Let the fault handler write into a pipe when a free signal comes; None if there is none."""
    for number in _free_signals():
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        try:
            faulthandler.register(number, file=writer, all_threads=False, chain=False)
        except (OSError, ValueError, RuntimeError):
            os.close(reader)
            os.close(writer)
            continue
        return _Pipe(number, reader, writer)
    return None


def _free_signals() -> list[int]:
    first, last = getattr(signal, "SIGRTMIN", None), getattr(signal, "SIGRTMAX", None)
    if first is None or last is None or not hasattr(faulthandler, "register"):
        return []
    numbers = range(int(last) - 1, int(first), -1)
    return [each for each in numbers if signal.getsignal(each) is signal.SIG_DFL]


def _close_pipe() -> None:
    pipe, _state.pipe = _state.pipe, None
    if pipe is not None:
        faulthandler.unregister(pipe.signal)
        os.close(pipe.reader)
        os.close(pipe.writer)


def _foreign_folders() -> list[str]:
    """Return the folders whose files are not the program's own."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    folders = {sysconfig.get_path(name) for name in names} - {None}
    folders |= {os.path.realpath(folder) for folder in folders}
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return [folder + os.sep for folder in sorted({*folders, package})]


def _after_fork_in_child() -> None:
    global _lock
    _lock = threading.RLock()
    # The thread is the parent's; its pipe too. The next loop that runs starts both anew.
    _state.thread = None
    _state.reports = Reports()
    _close_pipe()


os.register_at_fork(after_in_child=_after_fork_in_child)


@atexit.register
def _end() -> None:
    # A daemon thread must not run while the interpreter goes.
    if _state.thread is not None:
        unwatch()
