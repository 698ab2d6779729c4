"""The program of a command line, started as ``python`` would start it.

Sets up everything that a program can observe as the interpreter does: ``sys.argv``,
``sys.path[0]``, the ``__main__`` module, the message for a missing file, the
exit status and the traceback.
"""

from __future__ import annotations

import builtins
import importlib.machinery
import importlib.util
import io
import linecache
import os
import pkgutil
import runpy
import sys
import types
from collections.abc import Callable

__all__ = ("BadCommandLineError", "is_missing", "program_of", "run")

# An attribute of modules that were not imported; removed in Python 3.15.
_CACHED = {"__cached__": None} if sys.version_info < (3, 15) else {}


class BadCommandLineError(Exception):
    """The command line cannot be used; the message says why."""


def program_of(arguments: list[str]) -> Callable[[], None]:
    """Return a callable that starts the program named on the command line.

    Arguments:
        arguments: ``FILE ARG…``, ``-m MODULE ARG…``, ``-c CODE ARG…`` or ``- ARG…``.

    Raises:
        BadCommandLineError: they name none.
    """
    if not arguments:
        raise BadCommandLineError("no program given")
    first, rest = arguments[0], arguments[1:]
    if first[:2] in ("-m", "-c"):
        # The value may follow its letter without a space, as for the interpreter.
        if first[2:]:
            value = first[2:]
        elif rest:
            value, rest = rest[0], rest[1:]
        else:
            raise BadCommandLineError(f"argument expected for the {first} option")
        run = _run_module if first[:2] == "-m" else _run_text
        return lambda: run(value, rest)
    if first == "-":
        return lambda: _run_standard_input(rest)
    if first.startswith("-"):
        raise BadCommandLineError(f"unknown option {first}")
    return lambda: _run_path(first, rest)


def is_missing(arguments: list[str]) -> bool:
    """Return whether a command line names a file that does not exist."""
    return not arguments[0].startswith("-") and not os.path.exists(arguments[0])


def run(start: Callable[[], None]) -> None:
    """Call ``start``; what the program raises leaves without frames of this package.

    Raises:
        SystemExit: the program raised it, or its file cannot be used (status 2).
        BaseException: an exception that the program did not handle; the interpreter prints it and
            exits as it does for a script.
    """
    try:
        start()
    except SystemExit:
        raise
    except BaseException as exc:
        _hide_our_frames(exc)
        raise


def _run_path(name: str, arguments: list[str]) -> None:
    """Run a script, or a directory or zip file that holds ``__main__``."""
    # sys.argv keeps the name as given; everywhere else the interpreter makes it
    # absolute without normalising it.
    path = os.path.join(os.getcwd(), name)
    sys.argv[:] = [name, *arguments]
    if pkgutil.get_importer(path) is not None:
        _enter(path, always=True)
        _fresh_main()
        runpy._run_module_as_main("__main__", False)
        return
    try:
        with io.open_code(path) as file:
            source = file.read()
    except OSError as exc:
        sys.stderr.write(
            f"{sys.orig_argv[0]}: can't open file {path!r}: "
            f"[Errno {exc.errno}] {os.strerror(exc.errno or 0)}\n"
        )
        sys.exit(2)
    _enter(os.path.dirname(os.path.realpath(path)))
    if path.endswith(".pyc") or source.startswith(importlib.util.MAGIC_NUMBER):
        loader = importlib.machinery.SourcelessFileLoader("__main__", path)
        code = loader.get_code("__main__")
    else:
        loader = importlib.machinery.SourceFileLoader("__main__", path)
        code = compile(source, path, "exec", dont_inherit=True)
    _execute(code, _fresh_main(__file__=path, __loader__=loader, **_CACHED))


def _run_module(name: str, arguments: list[str]) -> None:
    """Run a module or package as ``python -m`` does."""
    # During the search for the module sys.argv[0] is "-m"; runpy then sets it to
    # the module's file.
    sys.argv[:] = ["-m", *arguments]
    _enter(os.getcwd())
    _fresh_main()
    runpy._run_module_as_main(name)


def _run_text(source: str, arguments: list[str]) -> None:
    """Run a program given on the command line."""
    sys.argv[:] = ["-c", *arguments]
    _enter("")
    if sys.version_info >= (3, 13):
        # Since 3.13 a traceback quotes the lines of -c, which are in no file.
        lines = source.splitlines(keepends=True)
        linecache.cache["<string>"] = (len(source), None, lines, "<string>")
    _execute(compile(source, "<string>", "exec", dont_inherit=True), _fresh_main())


def _run_standard_input(arguments: list[str]) -> None:
    """Run the program read from standard input."""
    sys.argv[:] = ["-", *arguments]
    _enter("")
    source = sys.stdin.buffer.read()
    code = compile(source, "<stdin>", "exec", dont_inherit=True)
    _execute(code, _fresh_main(__file__="<stdin>", **_CACHED))


def _execute(code: types.CodeType, namespace: dict[str, object]) -> None:
    exec(code, namespace)
    # The interpreter deletes these two when the program has reached its end, so
    # exit handlers and the prompt of -i do not see them.
    namespace.pop("__file__", None)
    namespace.pop("__cached__", None)


def _enter(directory: str, *, always: bool = False) -> None:
    """Put the program's directory into ``sys.path`` as the interpreter does.

    Args:
        directory: the new ``sys.path[0]``.
        always: insert it also under ``-P``, ``-I`` and ``PYTHONSAFEPATH``; the
            interpreter does so only for directories and zip files.
    """
    if not sys.flags.safe_path:
        # This entry was made for this module: the current directory under -m,
        # the folder of the console script otherwise.
        sys.path[0] = directory
    elif always:
        sys.path.insert(0, directory)


def _fresh_main(**attributes: object) -> dict[str, object]:
    """Make a new, registered ``__main__`` module and return its namespace.

    It replaces this module's ``__main__``: pickle, multiprocessing, doctest and
    the interactive prompt after ``-i`` look the program up as
    ``sys.modules["__main__"]`` and must find its names there and no others.
    """
    module = types.ModuleType("__main__")
    namespace = module.__dict__
    namespace["__builtins__"] = builtins
    namespace["__loader__"] = importlib.machinery.BuiltinImporter
    if sys.version_info < (3, 14):
        namespace["__annotations__"] = {}
    namespace.update(attributes)
    sys.modules["__main__"] = module
    return namespace


def _hide_our_frames(exc: BaseException) -> None:
    """Print an unhandled exception as if the interpreter had run the program.

    The exception must reach the interpreter, because only the interpreter can
    end a process as an unhandled KeyboardInterrupt requires. On its way it
    collects the frames between here and the bottom of the stack; they can first
    be removed in ``sys.excepthook``, which is called at the end.
    """
    folder = os.path.dirname(__file__) + os.sep
    traceback = exc.__traceback__
    while traceback is not None and traceback.tb_frame.f_code.co_filename.startswith(folder):
        traceback = traceback.tb_next
    program_hook = getattr(sys, "excepthook", sys.__excepthook__)

    def print_exception(
        kind: type[BaseException],
        value: BaseException,
        full_traceback: types.TracebackType | None,
    ) -> None:
        sys.excepthook = program_hook
        if value is exc:
            value.__traceback__ = full_traceback = sys.last_traceback = traceback
        program_hook(kind, value, full_traceback)

    sys.excepthook = print_exception
