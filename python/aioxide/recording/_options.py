"""What a recording is asked for: its arguments, and what the recorder itself runs with."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

__all__ = ("Options", "checked", "text", "wider")

#: Events of each loop, unless the program says otherwise: 1.5 MiB; of a full trace, 24 MiB, so
#: that the disk may be slow for a while.
CAPACITY = 65_536
FULL_CAPACITY = 1_048_576
#: As the recorder has it.
MAX_CAPACITY = 1 << 28


class Options(NamedTuple):
    """The arguments of ``record()``, checked."""

    capacity: int
    full: bool
    file: str | None
    save: str | None
    signal: int | None


def checked(
    capacity: int | None = None,
    full: bool = False,
    file: str | os.PathLike[str] | None = None,
    save: str | os.PathLike[str] | None = None,
    signal: int | None = None,
) -> Options:
    """Return the options that these arguments of ``record()`` mean.

    Raises:
        TypeError, ValueError: an argument is not what it should be.
    """
    if capacity is None:
        capacity = FULL_CAPACITY if full else CAPACITY
    if isinstance(capacity, bool) or not isinstance(capacity, int):
        raise TypeError(f"capacity is a number of events, not {capacity!r}")
    if capacity < 1:
        raise ValueError(f"capacity is at least one event, not {capacity}")
    if capacity > MAX_CAPACITY:
        raise ValueError(f"capacity is at most {MAX_CAPACITY} events, not {capacity}")
    file, save = _path("file", file), _path("save", save)
    if full and file is None:
        raise ValueError("a full trace is written to a file: say to which with file=")
    if file is not None and not full and not file.endswith(".aiotrace"):
        raise ValueError(f"the rings' files are named after an .aiotrace file, not {file!r}")
    if signal is not None and save is None:
        raise ValueError("a signal saves the recording: say where to with save=")
    return Options(capacity, bool(full), file, save, signal)


def _path(name: str, path: Any) -> str | None:
    if path is None:
        return None
    path = os.fspath(path)
    if not isinstance(path, str):
        raise TypeError(f"{name} is a path as a str, not {path!r}")
    return path


def text(options: Options) -> str:
    """Return the options that were given, as a call has them."""
    given = {name: value for name, value in options._asdict().items() if value}
    return ", ".join(f"{name}={value!r}" for name, value in given.items())


def wider(one: Options, other: Options) -> Options:
    """Return options by which both are served; of two files or paths, those of ``one``."""
    return Options(
        max(one.capacity, other.capacity),
        one.full or other.full,
        one.file or other.file,
        one.save or other.save,
        one.signal or other.signal,
    )
