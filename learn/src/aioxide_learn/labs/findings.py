"""Known mistakes, recognised while a learner's file runs."""

from __future__ import annotations

import asyncio
import functools
import gc
import re
import sys
import time
import warnings
from collections.abc import Callable

from .report import Finding

_ADVICE = {
    "time.sleep": "time.sleep() stops the whole event loop, and every task with it. "
    "Write `await asyncio.sleep(…)`.",
    "socket.connect": "a blocking connection stops the whole event loop until it is there. Use an "
    "asyncio client (aiohttp, asyncio.open_connection), or `await asyncio.to_thread(…)`.",
    "subprocess.Popen": "a blocking child process stops the whole event loop. "
    "Use asyncio.create_subprocess_exec().",
}


class BlockingCall(BaseException):
    """Raised instead of a call that would block the loop: the run ends there."""


class Findings:
    """What was noticed in the learner's file; ``install()`` once in a process.

    Attributes:
        seen: the findings of the current run.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.seen: list[Finding] = []

    def add(self, kind: str, message: str, line: int = 0) -> None:
        """Note a mistake, each once a run."""
        finding = Finding(kind, message, line)
        if finding not in self.seen:
            self.seen.append(finding)

    def install(self) -> None:
        """Begin to notice: from here on blocking calls fail, and warnings are collected."""
        sys.set_coroutine_origin_tracking_depth(4)
        warnings.simplefilter("always")
        warnings.showwarning = self._warned
        sys.unraisablehook = self._unraisable
        sys.addaudithook(self._audited)
        if sys.version_info < (3, 13):
            # Sleeping has an audit event from 3.13 on.
            time.sleep = functools.wraps(time.sleep)(functools.partial(self._sleep, time.sleep))

    def _sleep(self, sleep: Callable[[float], None], seconds: float) -> None:
        self._audited("time.sleep", (seconds,))
        sleep(seconds)

    def collect(self) -> None:
        """Make the interpreter report what was dropped without being awaited or closed."""
        gc.collect()

    def line_of(self, frame) -> int:
        """Return the innermost line of the learner's file below `frame`; 0 if there is none."""
        while frame is not None:
            if frame.f_code.co_filename == self.path:
                return frame.f_lineno
            frame = frame.f_back
        return 0

    def loop_error(self, loop, context) -> None:
        """An exception handler of a loop: notes exceptions that nobody retrieves."""
        exc, message = context.get("exception"), context["message"]
        if "never retrieved" in message:
            where = self.line_in(exc)
            self.add(
                "exception-lost",
                f"A task failed with {type(exc).__name__}: {exc}, and nobody noticed: "
                "keep the task and await it, or use a TaskGroup.",
                where,
            )
        elif "Unclosed" in message:
            self._not_closed(message)
        elif exc is not None and self.line_in(exc):
            self.add("exception-lost", f"{type(exc).__name__}: {exc}", self.line_in(exc))

    def line_in(self, exc: BaseException | None) -> int:
        """Return the last line of the learner's file in an exception's traceback."""
        line = 0
        entry = exc.__traceback__ if exc is not None else None
        while entry is not None:
            if entry.tb_frame.f_code.co_filename == self.path:
                line = entry.tb_lineno
            entry = entry.tb_next
        return line

    def _audited(self, event: str, args: tuple) -> None:
        if event not in _ADVICE:
            return
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return  # a thread beside the loop may block
        if event == "socket.connect" and args[0].gettimeout() == 0:
            return
        line = self.line_of(sys._getframe())
        if line:
            message = f"Line {line} blocks: {_ADVICE[event]}"
            self.add("blocking-call", message, line)
            raise BlockingCall(message)

    def _warned(self, message, category, filename, lineno, file=None, line=None) -> None:
        text = str(message)
        if found := re.match(r"coroutine '(.+?)' was never awaited", text):
            places = re.findall(rf'File "{re.escape(self.path)}", line (\d+)', text)
            where = int(places[-1]) if places else (lineno if filename == self.path else 0)
            if where:
                self.add(
                    "forgotten-await",
                    f"Line {where} calls {found[1]}() and never awaits it: the call makes a "
                    "coroutine object, which does nothing until it is awaited or made a task.",
                    where,
                )
        elif issubclass(category, ResourceWarning):
            self._not_closed(text)

    def _unraisable(self, unraisable) -> None:
        if isinstance(unraisable.exc_value, Warning):
            self._warned(unraisable.exc_value, type(unraisable.exc_value), "", 0)

    def _not_closed(self, text: str) -> None:
        if re.search(r"unclosed", text, re.IGNORECASE) and "event loop" not in text:
            what = re.sub(r"<.*", "", text).strip().rstrip(":")
            self.add(
                "not-closed",
                f"{what[:1].upper()}{what[1:]}: something was opened and never closed. Open it "
                "with `async with`, or close it in `finally`.",
            )
