"""The command ``aioxide``: run a program, and look at programs that run.

``aioxide app.py ARGS`` does what ``python app.py ARGS`` does, except that aioxide is installed
before the program's first line. The first argument may be a command instead; a file that is called
like a command is given as ``./trace``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

import aioxide

from ._options import Options, take_options
from ._programs import BadCommandLineError, is_missing, program_of, run
from ._usage import USAGE

__all__ = ("main",)


def main() -> None:
    """Run the program, or do what the command says, that ``sys.argv`` names.

    Returns when the program has reached its end.

    Raises:
        SystemExit: the program raised it, or the command line cannot be used (status 2), or what
            the command was to look at is not there (status 1).
        BaseException: an exception that the program did not handle; the interpreter prints it
            without this package's frames and exits as it does for a script.
    """
    arguments = sys.argv[1:]
    first = arguments[0] if arguments else ""
    if first in ("-h", "--help"):
        print(USAGE, end="")
        sys.exit(0)
    if first in ("-V", "--version"):
        python = ".".join(map(str, sys.version_info[:3]))
        print(f"aioxide {aioxide.__version__} ({sys.implementation.name} {python})")
        sys.exit(0)
    if first in ("ps", "tree", "trace", "completion") and arguments[1:2] in (["-h"], ["--help"]):
        print(USAGE, end="")
        sys.exit(0)
    try:
        command = _command(first)
        if command is not None:
            sys.exit(command(arguments[1:]))
        if first == "trace":
            options, begin, rest = _traced_program(arguments[1:])
        else:
            options, begin = Options(), None
            rest = take_options(arguments, options)
        start = program_of(rest)
    except BadCommandLineError as reason:
        _refuse(str(reason))
    # What the console and the trace say of the process. The program's start sets it anew.
    sys.argv[:] = rest
    # A program that is not there leaves the trace of an earlier one alone.
    if begin is not None and not is_missing(rest):
        begin()
    options.apply()
    run(start)


def _traced_program(arguments: list[str]) -> tuple[Options, Callable[[], None], list[str]]:
    from . import _trace

    if arguments and arguments[0] == "convert":
        sys.exit(_trace.convert(arguments[1:]))
    return _trace.trace_of(arguments)


def _command(name: str) -> Callable[[list[str]], int] | None:
    """Return the function of a command. Its module is only imported if it is used."""
    if name in ("ps", "tree"):
        from . import _listing

        return _listing.ps if name == "ps" else _listing.tree
    if name == "top":
        from . import _views

        return _views.top
    if name == "completion":
        from . import _completion

        return _completion.completion
    return None


def _refuse(reason: str) -> NoReturn:
    print(f"aioxide: {reason}\n{USAGE.splitlines()[0]}", file=sys.stderr)
    print("Try `aioxide --help' for more information.", file=sys.stderr)
    sys.exit(2)
