"""The recording of this process: its beginning, its end, and when it is saved."""

from __future__ import annotations

import atexit
import os
import signal as signals
import sys
import time
import types
from asyncio import all_tasks
from typing import Any

from .. import _aioxide
from .._loop.forking import known_loops
from ._failures import Listener
from ._failures import note_task_failure as note_task_failure  # the native half's
from ._options import Options, checked, text, wider
from ._stacks import stacks

__all__ = ("Recording", "dump_trace", "is_recording", "mark", "record", "save")

#: A program that fails over and over is saved once in so many seconds.
_SECONDS_BETWEEN_SAVES = 10.0


class Recording:
    """A recording that runs, or has run. Made by ``record()``.

    A context manager that stops the recording at its end. Do not make one yourself.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self.error: str | None = None
        self._kept = options.capacity
        self._old_handler: Any = None
        self._saved_at: float | None = None

    def __repr__(self) -> str:
        state = "running" if self.is_running else "stopped"
        return f"<Recording {state} capacity={self.capacity}>"

    @property
    def capacity(self) -> int:
        """How many events of each loop are kept in memory."""
        return self._kept

    @property
    def is_running(self) -> bool:
        """Whether this recording runs."""
        return self in _state.running() and _aioxide._is_recording()

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

        Under ``aioxide trace``, or another recording that was asked for from outside, that one
        goes on.
        """
        if self not in _state.running():
            return
        if self is _state.outside and _state.own is not None:
            _state.own.stop()
        self._withdraw()
        self.error = _state.end(self)
        if self.error is not None:
            print(f"aioxide: {self._options.file} is incomplete: {self.error}", file=sys.stderr)

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def _install(self) -> None:
        if self._options.signal is not None:
            self._old_handler = signals.signal(self._options.signal, _save_on_signal)
        if self._options.file is not None:
            atexit.register(self.stop)

    def _withdraw(self) -> None:
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


class _State:
    """What is asked for, and the one recorder of the process, which serves it.

    Beside the program's own recording there may be one that was asked for from outside, before
    the program began. The recorder then runs as the wider of both.
    """

    def __init__(self) -> None:
        self.own: Recording | None = None
        self.outside: Recording | None = None
        #: What the recorder runs with.
        self.native: Options | None = None
        self.listener = Listener(lambda: save_quietly())

    def running(self) -> list[Recording]:
        """Return the recordings that have begun and not ended, the program's own first."""
        return [each for each in (self.own, self.outside) if each is not None]

    def begin(self, recording: Recording) -> None:
        """Let the recorder serve a recording. An error leaves everything as it was."""
        if self.native is not None and not _aioxide._is_recording():
            self.forget()
        options = recording._options
        before = self.native if self.outside is not None else None
        if before is None:
            self._start(options)
            self.listener.start()
        elif before.file is None and (
            options.file is not None or options.capacity > before.capacity
        ):
            # What was recorded for the outside so far is lost.
            _aioxide._stop_recording()
            try:
                self._start(wider(options, before))
            except BaseException:
                self._start(before)
                raise
        elif options.file is not None:
            # The recorder writes one file, that of the outside. This one is written at the end.
            # It is written now as well, so that an error is raised now.
            dump_trace(options.file)
        assert self.native is not None
        recording._kept = max(options.capacity, self.native.capacity)

    def end(self, recording: Recording) -> str | None:
        """Stop to serve a recording.

        Returns:
            What went wrong with the file that it has written.
        """
        is_own = recording is self.own
        if is_own:
            self.own = None
        else:
            self.outside = None
        rest, file = self.outside, recording._options.file
        if rest is None:
            self.native = None
            self.listener.stop()
            return _aioxide._stop_recording()
        if file is None:
            return None
        if rest._options.file is not None:
            try:
                dump_trace(file)
            except (OSError, RuntimeError) as error:
                return str(error)
            return None
        failed = _aioxide._stop_recording()
        self._start(rest._options)
        return failed

    def forget(self) -> None:
        """Let go of everything, in the child of a fork."""
        if self.native is not None:
            self.listener.stop()
        for each in self.running():
            each._withdraw()
        self.own = self.outside = self.native = None

    def _start(self, options: Options) -> None:
        _aioxide._start_recording(
            options.capacity,
            options.file,
            options.full,
            [str(argument) for argument in getattr(sys, "argv", [])],
            sys.executable or "",
            sys.version.split()[0],
        )
        self.native = options
        for loop in known_loops():
            if not loop.is_closed():
                _aioxide._adopt_tasks(list(all_tasks(loop)))


_state = _State()


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

    If the process is recorded already because it was started by ``aioxide trace``, with
    ``--record`` or ``--console``, or by their environment variables, the program's recording runs
    beside that one, which is not disturbed. Memory then holds what the wider of both asks for.
    Under ``aioxide trace``, ``file`` is written from memory when the recording stops, so it holds
    the last 1,048,576 events of each loop; the file of ``trace`` has all.

    Arguments:
        capacity: events of each loop that memory holds, rounded up to a power of two from
            1,024 to 268,435,456. An event takes 24 bytes. By default 65,536, or 1,048,576
            with ``full``.
        full: write all events to ``file`` while the program runs, not only the last ones.
        file: an ``.aiotrace`` file to write while the program runs, which is replaced if it
            exists. Without ``full``, it gets the tables of tasks and names, and the
            events of each loop are in memory that is shared with a file beside it
            (``run.ring`` for ``run.aiotrace``): if the process is killed, they are there. With
            ``full``, such files are there while the loops run, 24 bytes for each event of
            ``capacity``, and have what was not written yet when the process was killed.
        save: where to write the recording when an exception is unhandled (in the main
            thread, or reported to a loop's exception handler), when ``aioxide.testing``
            or, under ``watch()``, the lint finds a deadlock, and on ``signal``.
            ``{pid}`` in it becomes the process's number. An older file is replaced. But
            on a signal, at most once in ten seconds.
        signal: a signal on which to save, as ``signal.SIGUSR2``. It has to be given in the
            main thread.

    Returns:
        The recording, which is a context manager. If the program has begun one already, and the
        arguments are as they were then or all left out, that one.

    Raises:
        OSError: the file cannot be made.
        RuntimeError: the program has begun a recording with other arguments; stop it first.
        TypeError, ValueError: an argument is not what it should be.
    """
    options = checked(capacity, full, file, save, signal)
    running = _state.own
    if running is not None and running.is_running:
        if options in (running._options, checked()):
            return running
        raise RuntimeError(f"a recording runs already ({text(running._options)}); stop it first")
    if signal is not None:
        # An error of this call leaves nothing behind.
        signals.signal(signal, signals.getsignal(signal) or signals.SIG_DFL)
    recording = Recording(options)
    _state.begin(recording)
    _state.own = recording
    recording._install()
    return recording


def record_from_outside(
    *,
    full: bool = False,
    file: str | os.PathLike[str] | None = None,
    save: str | os.PathLike[str] | None = None,
) -> None:
    """Record for whoever has started the program, before its first line.

    The program's own ``record()`` begins another recording beside this one. Called again, it
    records what both calls ask for, and what was recorded before is lost.

    Arguments:
        full, file, save: as for ``record()``.

    Raises:
        OSError: the file cannot be made.
    """
    options = checked(None, full, file, save, None)
    if _state.outside is not None:
        options = wider(options, _state.outside._options)
        _state.outside.stop()
    recording = Recording(options)
    _state.begin(recording)
    _state.outside = recording
    recording._install()


def dump_trace(path: str | os.PathLike[str]) -> None:
    """Write what is recorded now to a new file, and go on recording.

    The file also has the await stacks of some suspended tasks, as they are now. A file that is
    written by the recording itself, as that of ``aioxide trace -o``, is left alone.

    Arguments:
        path: the file, which is replaced if it exists. A name that ends with ``.json``
            gives Chrome trace events (for ``chrome://tracing`` or Perfetto), any other
            aioxide's own form, from which ``aioxide trace convert`` makes others.

    Raises:
        RuntimeError: nothing was recorded in this process.
        OSError: the file cannot be written.
    """
    path = os.fspath(path)
    if not _is_being_written(path):
        _aioxide._dump_recording(path, list(stacks()))


def _is_being_written(path: str) -> bool:
    written = _state.native.file if _state.native is not None else None
    try:
        return written is not None and os.path.samefile(path, written)
    except (OSError, ValueError, TypeError):
        # The one does not exist; what is no path is refused later.
        return False


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
    if not _aioxide._is_recording():
        return None
    paths = [each._save(at_once=True) for each in _state.running()]
    return next((path for path in paths if path is not None), None)


def start_by_environment() -> None:
    """Begin to record if ``AIOXIDE_RECORD`` says so: 1, or a path to save to."""
    wanted = os.environ.get("AIOXIDE_RECORD", "")
    if wanted not in ("", "0"):
        record_from_outside(save="aioxide-{pid}.aiotrace" if wanted == "1" else wanted)


def save_quietly() -> None:
    """Save, if a path was given and not just before; a failure is only printed."""
    for each in _state.running():
        try:
            path = each._save(at_once=False)
        except Exception as error:
            _complain(error)
        else:
            if path is not None and each is _state.outside:
                # Whoever has only set a variable does not know the name.
                print(f"aioxide: wrote {os.path.abspath(path)}", file=sys.stderr)


def _save_on_signal(number: int, frame: types.FrameType | None) -> None:
    try:
        save()
    except Exception as error:
        _complain(error)


def _complain(error: Exception) -> None:
    print(f"aioxide: the recording could not be saved: {error}", file=sys.stderr)


def _release_in_child() -> None:
    _aioxide._recorder_after_fork()
    _state.forget()


os.register_at_fork(after_in_child=_release_in_child)
