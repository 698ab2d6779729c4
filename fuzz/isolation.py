"""One program in a process of its own: what became of it."""

from __future__ import annotations

import faulthandler
import mmap
import os
import re
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass

#: What a program writes about itself is cut here.
MOST_OUTPUT = 200_000
#: No program needs so much; a size taken from the caller does. The sanitizer reserves terabytes.
MOST_MEMORY = 4 << 30
EXIT_WRONG = 97

PANIC = re.compile(r"panicked at (\S+?:\d+)")
OWN_FRAME = re.compile(r"^ +at \S*?crates/aioxide-(\S+?:\d+)", re.MULTILINE)
SANITIZER = re.compile(r"SUMMARY: AddressSanitizer: (.*)")
WRONG = re.compile(r"^wrong: (.*)$", re.MULTILINE)
FATAL = re.compile(r"Fatal Python error: (.*)")


@dataclass(frozen=True)
class Outcome:
    """How a program ended.

    failure: nothing, or one line that is the same for the same fault, as far as one can tell.
    status: the exit status; negative for a signal; None when it had to be killed.
    output: what it wrote on standard output and standard error.
    """

    failure: str | None
    status: int | None
    output: str


def judge(status: int | None, output: str) -> str | None:
    """The line that names the fault, or nothing if the process ended as it should."""
    if found := SANITIZER.search(output):
        return f"sanitizer: {found[1].strip()}"
    if found := PANIC.search(output):
        place = shorten(found[1])
        # A panic of a library is told by who called it.
        if not place.startswith("crates/") and (frame := OWN_FRAME.search(output, found.end())):
            place += f", called at crates/aioxide-{frame[1]}"
        return f"panic: {place}"
    if status is None:
        return "hang"
    if found := FATAL.search(output):
        if status < 0:
            return f"{signal.Signals(-status).name}: {found[1]}"
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    if found := WRONG.search(output):
        return f"wrong: {found[1]}"
    if status != 0:
        return f"exit status {status}"
    return None


def shorten(place: str) -> str:
    """A source position without the folders of the machine."""
    for mark in ("crates/", "/registry/src/"):
        before, found, after = place.partition(mark)
        if found:
            return after.partition("/")[2] if mark != "crates/" else found + after
    return place


class Counter:
    """Numbers that processes forked later share with this one."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 8)

    def add(self, count: int) -> None:
        self._memory[:] = (self.value + count).to_bytes(8, "little")

    @property
    def value(self) -> int:
        return int.from_bytes(self._memory[:], "little")


def run_isolated(program: Callable[[], None], deadline: float) -> Outcome:
    """Fork, call `program` in the child, and wait for its end for `deadline` seconds.

    A program that returns lets the child end at once; one that raises SystemExit makes it go
    through the end of the interpreter. What the child does has no effect on this process.
    """
    with tempfile.TemporaryFile() as output:
        child = os.fork()
        if child == 0:
            _be_the_child(program, output.fileno(), deadline)
        status = _wait(child, deadline)
        output.seek(0)
        text = output.read(MOST_OUTPUT).decode("utf-8", "replace")
    return Outcome(judge(status, text), status, text)


def _be_the_child(program: Callable[[], None], output: int, deadline: float) -> None:
    # A group of its own: whatever it starts is ended with it.
    os.setpgid(0, 0)
    os.environ["RUST_BACKTRACE"] = "1"
    os.dup2(output, 1)
    os.dup2(output, 2)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # What eats the processor is ended even if the parent is gone.
    limit = int(deadline) + 30
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    if "libasan" not in os.environ.get("LD_PRELOAD", ""):
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
        # The sanitizer has a report of its own.
        faulthandler.enable(2)
    status = EXIT_WRONG
    try:
        program()
        status = 0
    except SystemExit:
        # Through the end of the interpreter, with everything that is still alive.
        raise
    except BaseException as error:
        os.write(2, f"wrong: the program itself has raised {error!r}\n".encode())
        import traceback

        traceback.print_exc()
    finally:
        if not isinstance(sys.exc_info()[1], SystemExit):
            os._exit(status)


def _wait(child: int, deadline: float) -> int | None:
    until = time.monotonic() + deadline
    pause = 0.0005
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            _end_group(child)
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > until:
            break
        time.sleep(pause)
        pause = min(pause * 1.5, 0.02)
    # It says where it hangs, if it still can: faulthandler answers this signal.
    os.kill(child, signal.SIGABRT)
    time.sleep(0.2)
    _end_group(child)
    try:
        os.kill(child, signal.SIGKILL)
    except ProcessLookupError:
        pass
    os.waitpid(child, 0)
    return None


def _end_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
