"""Writes down what goes wrong quietly, in every Python process that a program starts.

The interpreter imports this at its start, since the folder is on ``PYTHONPATH``. Warnings, errors
that are logged, exceptions that nobody could be told of, tasks that were still there when a loop
was wound up, and descriptors open at the end go to ``$COMPAT_RECORDS/PID.jsonl``, a line each. The
file is opened for each line, so that no descriptor of it is ever among those counted.

Nothing changes for the program: whatever was going to be printed or raised still is.
"""

import asyncio.runners
import atexit
import gc
import json
import logging
import os
import sys
import threading
import warnings

FOLDER = os.environ.get("COMPAT_RECORDS")


def write(kind, text, *, append=os.O_WRONLY | os.O_CREAT | os.O_APPEND):
    # Bound early: this is called until the very end, when globals are gone.
    line = json.dumps({"kind": kind, "text": text, "process": sys.argv[:4]}) + "\n"
    descriptor = os.open(f"{FOLDER}/{os.getpid()}.jsonl", append, 0o666)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def open_descriptors(but_for=()):
    """What is open, counted by kind: ``{"socket": 2}``."""
    counts = {}
    for name in os.listdir("/proc/self/fd"):
        if int(name) in but_for:
            continue
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue  # that of the listing itself
        kind = target.split(":")[0] if target.startswith(("socket:", "pipe:")) else target
        counts[kind] = counts.get(kind, 0) + 1
    return counts


def record_warnings():
    show = warnings.showwarning

    def showwarning(message, category, filename, lineno, file=None, line=None):
        write("warning", f"{category.__name__}: {message}")
        show(message, category, filename, lineno, file, line)

    warnings.showwarning = showwarning


def record_logging():
    # What blocks a loop says how busy the machine is, too, and programs compare their output.
    logging.getLogger("aioxide.watchdog").setLevel(logging.CRITICAL)
    call_handlers = logging.Logger.callHandlers

    def callHandlers(self, record):
        of_asyncio = record.name == "asyncio" and record.levelno >= logging.WARNING
        # How long a callback took says how busy the machine is.
        slow = of_asyncio and str(record.msg).startswith("Executing %s took")
        if (of_asyncio or record.levelno >= logging.ERROR) and not slow:
            text = record.getMessage()
            if record.exc_info and record.exc_info[0] is not None:
                text = f"{record.exc_info[1]!r}: {text}"
            write("log", f"{record.name}: {text}")
        if record.name == "aioxide.lints":
            write("lint", record.getMessage())
        return call_handlers(self, record)

    logging.Logger.callHandlers = callHandlers


def record_lost_exceptions():
    unraisable = sys.unraisablehook
    in_thread = threading.excepthook

    def unraisablehook(args):
        write("unraisable", f"{args.exc_value!r} in {args.object!r}")
        unraisable(args)

    def excepthook(args):
        write("thread", repr(args.exc_value))
        in_thread(args)

    sys.unraisablehook = unraisablehook
    threading.excepthook = excepthook


def record_loops():
    cancel_all_tasks = asyncio.runners._cancel_all_tasks

    def _cancel_all_tasks(loop):
        write("loop", type(loop).__module__)
        for task in asyncio.all_tasks(loop):
            write("task", getattr(task.get_coro(), "__qualname__", repr(task.get_coro())))
        cancel_all_tasks(loop)

    asyncio.runners._cancel_all_tasks = _cancel_all_tasks


def pipes_to_children():
    """The numbers of the pipes to children of multiprocessing's, whose objects still live.

    Such an object does not close them any more once multiprocessing's own handler at exit has run.
    Whether a library has dropped it before depends on whether the child had ended by then.
    """
    module = sys.modules.get("multiprocessing.process")
    numbers = set()
    for each in gc.get_objects() if module else ():
        # A proxy may have any `__class__`: to ask its type runs none of the program's code.
        if issubclass(type(each), module.BaseProcess):
            finalizer = getattr(getattr(each, "_popen", None), "finalizer", None)
            numbers.update(getattr(finalizer, "_args", None) or ())
    return numbers


def record_descriptors_at_the_end():
    at_start = open_descriptors()

    @atexit.register  # the first to be registered runs as the last
    def at_the_end():
        for kind, count in open_descriptors(pipes_to_children()).items():
            if count > at_start.get(kind, 0):
                write("descriptor", f"{count - at_start.get(kind, 0)} {kind}")


if FOLDER:
    record_warnings()
    record_logging()
    record_lost_exceptions()
    record_loops()
    record_descriptors_at_the_end()
