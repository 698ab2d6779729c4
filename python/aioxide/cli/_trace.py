"""``aioxide trace``: run a program, and write what its loops did to a file."""

from __future__ import annotations

import atexit
import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

from ._options import SAVE, Options, take_options
from ._programs import BadCommandLineError
from ._views import MISSING, become, console_program

__all__ = ("convert", "trace_of")

#: What the recorder itself writes, and what the console's program makes of it.
_OWN_FORMS = (".aiotrace", ".json")
_FORMS = (".html", ".svg", ".pftrace", *_OWN_FORMS)
_DEFAULT = "trace.html"


def convert(arguments: list[str]) -> int:
    """Become ``aioxide-console convert IN OUT``."""
    if len(arguments) != 2 or any(each.startswith("-") for each in arguments):
        raise BadCommandLineError("trace convert takes two files: IN OUT")
    return become("convert", arguments, "no conversion of traces")


def trace_of(arguments: list[str]) -> tuple[Options, Callable[[], None], list[str]]:
    """Return the options of ``trace``, what starts the recording, and the program's command line.

    Raises:
        BadCommandLineError: the command line cannot be used.
    """
    output, options, rest = None, Options(), arguments
    while True:
        before = len(rest)
        given, rest = _take_output(rest)
        output = given or output
        rest = take_options(rest, options)
        if len(rest) == before:
            break
    path = os.path.abspath(output or _DEFAULT)
    if os.path.splitext(path)[1] not in _FORMS:
        raise BadCommandLineError(f"-o takes a file that ends with one of {', '.join(_FORMS)}")
    save = SAVE if options.record else None
    options.record = False
    return options, lambda: _begin(path, save), rest


def _take_output(arguments: list[str]) -> tuple[str | None, list[str]]:
    rest = list(arguments)
    output = None
    while rest:
        name, equals, value = rest[0].partition("=")
        if rest[0] in ("-o", "--output"):
            if len(rest) == 1:
                raise BadCommandLineError(f"argument expected for the {rest[0]} option")
            output, rest = rest[1], rest[2:]
        elif name == "--output" and equals:
            output, rest = value, rest[1:]
        elif rest[0].startswith("-o"):
            output, rest = rest[0][2:], rest[1:]
        else:
            break
    return output, rest


@dataclass
class _Files:
    """What is written while the program runs, and what is made of it."""

    wanted: str
    recorded: str
    pid: int


def _begin(path: str, save: str | None) -> None:
    from aioxide.recording._session import record_from_outside

    suffix = os.path.splitext(path)[1]
    # Beside the wanted file: if the program is killed, this is what is left.
    files = _Files(path, path if suffix == ".aiotrace" else path + ".aiotrace", os.getpid())
    # Before the recording registers its own end, so as to run after that.
    atexit.register(_end, files)
    try:
        # One that the environment has begun (AIOXIDE_RECORD, AIOXIDE_CONSOLE) becomes a part of it.
        record_from_outside(file=files.recorded, full=True, save=save)
    except OSError as error:
        atexit.unregister(_end)
        print(f"aioxide: cannot write {files.recorded}: {error.strerror}", file=sys.stderr)
        sys.exit(2)


def _end(files: _Files) -> None:
    if os.getpid() != files.pid:
        # A child that was forked, and not replaced by another program.
        return
    suffix = os.path.splitext(files.wanted)[1]
    if suffix == ".aiotrace":
        print(f"aioxide: wrote {files.wanted}", file=sys.stderr)
        return
    program = console_program()
    if program is not None:
        command = [program, "convert", files.recorded, files.wanted]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        if done.returncode == 0:
            with contextlib.suppress(OSError):
                os.remove(files.recorded)
            print(f"aioxide: wrote {files.wanted}", file=sys.stderr)
        elif os.path.exists(files.recorded):
            print(f"aioxide: the trace is in {files.recorded}", file=sys.stderr)
        return
    _write_json(files, suffix)


def _write_json(files: _Files, suffix: str) -> None:
    """Without the console's program: Chrome trace events, and the recorder's own form."""
    from aioxide.recording import dump_trace

    path = os.path.splitext(files.wanted)[0] + ".json"
    try:
        dump_trace(path)
    except (OSError, RuntimeError) as error:
        print(f"aioxide: cannot write {path}: {error}", file=sys.stderr)
    else:
        print(f"aioxide: wrote {path}", file=sys.stderr)
    print(f"aioxide: the trace is in {files.recorded}", file=sys.stderr)
    if suffix != ".json":
        print(f"aioxide: no {suffix[1:]} file: {MISSING}", file=sys.stderr)
