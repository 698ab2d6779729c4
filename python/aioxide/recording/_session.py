"""The recording of this process: its beginning, its end, and when it is saved."""

from __future__ import annotations

import asyncio
import atexit
import itertools
import os
import signal as signals
import sys
import time
import traceback
import types
from asyncio import all_tasks
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .. import _aioxide
from .._loop.exceptions import observers
from .._loop.forking import known_loops

__all__ = ("Recording", "dump_trace", "is_recording", "mark", "record", "save")

#: Events of each loop, unless the program says otherwise: 1.5 MiB; of a full trace, 24 MiB, so
#: that the disk may be slow for a while.
CAPACITY = 65_536
FULL_CAPACITY = 1_048_576

#: Of how many suspended tasks the await stack is read when a recording is dumped.
_STACKS = 200

#: A program that fails over and over is saved once in so many seconds.
_SECONDS_BETWEEN_SAVES = 10.0

_current: Recording | None = None


class _Options(NamedTuple):
    capacity: int
    full: bool
    file: str | None
    save: str | None
    signal: int | None


class Recording:
    """A recording that runs, or has run. Made by ``record()``.

    A context manager that stops the recording at its end. Do not make one yourself.
    """

    def __init__(self, options: _Options) -> None:
        self._options = options
        self.error: str | None = None
        self._old_handler: Any = None
        self._old_hook: Callable[..., object] | None = None
        self._saved_at: float | None = None

    def __repr__(self) -> str:
        state = "running" if self.is_running else "stopped"
        return f"<Recording {state} capacity={self.capacity}>"

    @property
    def capacity(self) -> int:
        """How many events of each loop are kept in memory."""
        return self._options.capacity

    @property
    def is_running(self) -> bool:
        """Whether this recording runs."""
        return _current is self and _aioxide._is_recording()

    @property
    def dropped(self) -> int:
        """How many events the rings have overwritten so far, of all loops together."""
        state = _aioxide._recording_state()
        return sum(count - kept for _, _, count, kept in state[1]) if state else 0

    def dump(self, path: str | os.PathLike[str]) -> None:
        """Write what is recorded to a new file: see ``dump_trace()``."""
        dump_trace(path)

    def stop(self) -> None:
        """Stop recording. What was recorded can be dumped until another recording starts.

        A file that was written while the recording ran is completed. If that failed (the
        disk is full), a line on standard error says so, and ``error`` says why: the file
        holds what was written before.
        """
        global _current
        if _current is not self:
            return
        _current = None
        self._withdraw()
        self.error = _aioxide._stop_recording()
        if self.error is not None:
            print(f"aioxide: {self._options.file} is incomplete: {self.error}", file=sys.stderr)

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def _install(self) -> None:
        observers.append(_note_unhandled)
        self._old_hook = sys.excepthook
        sys.excepthook = _save_and_report
        if self._options.signal is not None:
            self._old_handler = signals.signal(self._options.signal, _save_on_signal)
        if self._options.file is not None:
            atexit.register(self.stop)

    def _withdraw(self) -> None:
        if _note_unhandled in observers:
            observers.remove(_note_unhandled)
        if sys.excepthook is _save_and_report and self._old_hook is not None:
            sys.excepthook = self._old_hook
        number = self._options.signal
        if number is not None and signals.getsignal(number) is _save_on_signal:
            signals.signal(number, self._old_handler or signals.SIG_DFL)
        atexit.unregister(self.stop)

    def _save(self, *, at_once: bool) -> str | None:
        if self._options.save is None:
            return None
        now = time.monotonic()
        if (
            not at_once
            and self._saved_at is not None
            and now - self._saved_at < _SECONDS_BETWEEN_SAVES
        ):
            return None
        self._saved_at = now
        path = self._options.save.replace("{pid}", str(os.getpid()))
        dump_trace(path)
        return path


def record(
    *,
    capacity: int | None = None,
    full: bool = False,
    file: str | os.PathLike[str] | None = None,
    save: str | os.PathLike[str] | None = None,
    signal: int | None = None,
) -> Recording:
    """Begin to record every loop of this process, and keep its last events in memory.

    Tasks that exist already are recorded from now on. A step costs some nanoseconds, a
    task that is created some tens of them.

    Arguments:
        capacity: events of each loop that memory holds, rounded up to a power of two from
            1,024 to 268,435,456. An event takes 24 bytes. By default 65,536, or 1,048,576
            with ``full``.
        full: write all events to ``file`` while the program runs, not only the last ones.
        file: an ``.aiotrace`` file to write while the program runs, which is replaced if it
            exists. Without ``full``, it gets the tables of tasks and names, and the
            events of each loop are in memory that is shared with a file beside it
            (``run.ring`` for ``run.aiotrace``): if the process is killed, they are there.
        save: where to write the recording when an exception is unhandled (in the main
            thread, or reported to a loop's exception handler), when
            ``aioxide.testing`` finds a deadlock, and on ``signal``. ``{pid}`` in it
            becomes the process's number. An older file is replaced. For exceptions, at
            most once in ten seconds.
        signal: a signal on which to save, as ``signal.SIGUSR2``. It has to be given in the
            main thread.

    Returns:
        The recording, which is a context manager. If one runs already, and the
        arguments are as they were then or all left out, that one.

    Raises:
        OSError: the file cannot be made.
        RuntimeError: a recording with other arguments runs; stop it first.
        TypeError, ValueError: an argument is not what it should be.
    """
    global _current
    options = _checked(capacity, full, file, save, signal)
    running = _current if _aioxide._is_recording() else None
    if running is not None:
        if options in (running._options, _checked(None, False, None, None, None)):
            return running
        raise RuntimeError(f"a recording runs already ({_text(running._options)}); stop it first")
    if signal is not None:
        # An error of this call leaves nothing behind.
        signals.signal(signal, signals.getsignal(signal) or signals.SIG_DFL)
    recording = Recording(options)
    _aioxide._start_recording(
        options.capacity,
        options.file,
        options.full,
        [str(argument) for argument in getattr(sys, "argv", [])],
        sys.executable or "",
        sys.version.split()[0],
    )
    _current = recording
    recording._install()
    for loop in known_loops():
        if not loop.is_closed():
            _aioxide._adopt_tasks(list(all_tasks(loop)))
    return recording


def _checked(capacity, full, file, save, signal) -> _Options:
    if capacity is None:
        capacity = FULL_CAPACITY if full else CAPACITY
    if isinstance(capacity, bool) or not isinstance(capacity, int):
        raise TypeError(f"capacity is a number of events, not {capacity!r}")
    if capacity < 1:
        raise ValueError(f"capacity is at least one event, not {capacity}")
    file, save = _path("file", file), _path("save", save)
    if full and file is None:
        raise ValueError("a full trace is written to a file: say to which with file=")
    if file is not None and not full and not file.endswith(".aiotrace"):
        raise ValueError(f"the rings' files are named after an .aiotrace file, not {file!r}")
    if signal is not None and save is None:
        raise ValueError("a signal saves the recording: say where to with save=")
    return _Options(capacity, bool(full), file, save, signal)


def _path(name: str, path: Any) -> str | None:
    if path is None:
        return None
    path = os.fspath(path)
    if not isinstance(path, str):
        raise TypeError(f"{name} is a path as a str, not {path!r}")
    return path


def _text(options: _Options) -> str:
    given = {name: value for name, value in options._asdict().items() if value}
    return ", ".join(f"{name}={value!r}" for name, value in given.items())


def dump_trace(path: str | os.PathLike[str]) -> None:
    """Write what is recorded now to a new file, and go on recording.

    The file also has the await stacks of some suspended tasks, as they are now.

    Arguments:
        path: the file, which is replaced if it exists. A name that ends with ``.json``
            gives Chrome trace events (for ``chrome://tracing`` or Perfetto), any other
            aioxide's own form, from which ``aioxide trace convert`` makes others.

    Raises:
        RuntimeError: nothing was recorded in this process.
        OSError: the file cannot be written.
    """
    _aioxide._dump_recording(os.fspath(path), list(_stacks()))


def _stacks() -> Iterator[tuple[int, list[tuple[str, int, str]]]]:
    # Not at the top: most programs never dump.
    from ..introspect._chains import chain

    if not _aioxide._is_recording():
        return
    tasks = (task for loop in known_loops() if not loop.is_closed() for task in all_tasks(loop))
    for task in itertools.islice(tasks, _STACKS):
        number = _aioxide._task_id(task)
        if number is not None:
            frames = (link.place for link in chain(task.get_coro()))
            yield number, [(it.file, max(it.line, 0), it.function) for it in frames if it]


def is_recording() -> bool:
    """Return whether this process is being recorded."""
    return _aioxide._is_recording()


def mark(text: str) -> None:
    """Put a mark with this text into the running loop's events.

    Does nothing while nothing is recorded. Each text is kept for the life of the process:
    do not put a number into it.

    Raises:
        RuntimeError: no loop of aioxide runs in this thread.
    """
    _aioxide._mark_recording(text)


def save() -> str | None:
    """Write the recording to where ``record(save=...)`` says, at once.

    Returns:
        The path, or None if nothing is recorded or no path was given.

    Raises:
        OSError: the file cannot be written.
    """
    if _current is None or not _aioxide._is_recording():
        return None
    return _current._save(at_once=True)


def start_by_environment() -> None:
    """Begin to record if ``AIOXIDE_RECORD`` says so: 1, or a path to save to."""
    wanted = os.environ.get("AIOXIDE_RECORD", "")
    if wanted not in ("", "0"):
        record(save="aioxide-{pid}.aiotrace" if wanted == "1" else wanted)


def _note_unhandled(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """An exception was reported to a loop's exception handler."""
    exception = context.get("exception")
    if not isinstance(exception, BaseException):
        return
    task = context.get("task") or context.get("future")
    _note(_aioxide._task_id(task) or 0, exception)
    save_quietly()


def note_task_failure(task: int, exception: BaseException) -> None:
    """Keep the exception that has ended a task; called for each one in a full trace."""
    _note(task, exception)


def _note(task: int, exception: BaseException) -> None:
    kind = type(exception)
    name = kind.__qualname__
    if kind.__module__ != "builtins":
        name = f"{kind.__module__}.{name}"
    try:
        text = str(exception)
        lines = "".join(traceback.format_exception(exception))
    except Exception as error:
        text = lines = f"(its text cannot be had: {type(error).__name__})"
    _aioxide._note_failure(task, name, text, lines)


def save_quietly() -> None:
    """Save, if a path was given and not just before; a failure is only printed."""
    if _current is None:
        return
    try:
        _current._save(at_once=False)
    except Exception as error:
        print(f"aioxide: the recording could not be saved: {error}", file=sys.stderr)


def _save_and_report(
    kind: type[BaseException],
    exception: BaseException,
    where: types.TracebackType | None,
) -> None:
    """In place of ``sys.excepthook``: an exception ends the program."""
    recording = _current
    if isinstance(exception, Exception):
        _note(0, exception)
        save_quietly()
    hook = recording._old_hook if recording is not None else None
    (hook or sys.__excepthook__)(kind, exception, where)


def _save_on_signal(number: int, frame: types.FrameType | None) -> None:
    try:
        save()
    except Exception as error:
        print(f"aioxide: the recording could not be saved: {error}", file=sys.stderr)


def _release_in_child() -> None:
    global _current
    _aioxide._recorder_after_fork()
    if _current is not None:
        _current._withdraw()
        _current = None


os.register_at_fork(after_in_child=_release_in_child)
