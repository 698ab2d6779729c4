"""The child process in which a learner's file runs.

usage: python -m aioxide -m aioxide_learn.labs.child FOLDER FILE DESCRIPTOR TIMEOUT MEMORY

Runs the checks in FOLDER on FILE and writes lines of JSON to DESCRIPTOR.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import linecache
import os
import resource
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

import aioxide
from aioxide.testing.deadlocks import describe

from .findings import BlockingCall, Findings
from .lints import Lints
from .recording import RecordedLoop, timeline
from .stage import Failed, Stage

#: Virtual seconds after which a run counts as endless.
ENDLESS = 3600.0
#: Virtual seconds that tasks have at the end of a run to follow their cancellation.
PATIENT = 100.0
#: The part of the whole time that one run may take.
SHARE = 0.4
#: The name that the learner's file has: not __main__, so that what is below its guard does not run.
MODULE = "learner"


class Session:
    """The checks of one lab on one file."""

    def __init__(self, folder: Path, path: Path, descriptor: int, timeout: float) -> None:
        self.folder, self.path = folder, path
        self.findings = Findings(str(path))
        self._report = os.fdopen(descriptor, "w", encoding="utf-8")
        self._writing = threading.Lock()
        self._ends = time.monotonic() + timeout
        self._longest_run = timeout * SHARE
        self._run_ends: float | None = None
        self._check = ""
        self._blameless = False
        self._loop: RecordedLoop | None = None
        self._main_thread = threading.get_ident()

    def write(self, what: str, **values) -> None:
        """Write one line of the report."""
        with self._writing:
            self._report.write(json.dumps({"what": what, **values}) + "\n")
            self._report.flush()

    def run(self) -> None:
        """Run all checks; what is found is in the report."""
        listed = _checks_of(self.folder)
        threading.Thread(target=self._watch, daemon=True, name="watchdog").start()
        self.findings.install()
        try:
            source = self.path.read_text("utf-8")
            code = compile(source, str(self.path), "exec")
        except (SyntaxError, ValueError) as exc:
            line = getattr(exc, "lineno", None) or 0
            self._write_check("The file can be read", f"Line {line}: {exc}")
            self.write("end")
            return
        for index, function in enumerate(listed):
            self._check = function.check_name
            message = self._run_check(function, code, show=index == 0)
            self._write_check(self._check, message)
        self.write("end")

    def _write_check(self, name: str, message: str) -> None:
        self.write("check", name=name, passed=not message, message=message)

    def _run_check(self, function, code, *, show: bool) -> str:
        """Run one check in all its orders; return what is wrong, empty if nothing is."""
        for seed in (None, *range(function.orders)):
            self._run_ends = time.monotonic() + self._longest_run
            problem = self._run_once(function, code, seed, show=show and seed is None)
            seen = self.findings.seen
            if self._blameless:
                seen = [one for one in seen if one.kind not in ("task-left", "not-closed")]
                self._blameless = False
            for finding in seen:
                self.write("finding", **asdict(finding))
            found = [finding.message for finding in seen]
            self.findings.seen.clear()
            self._run_ends = None
            if problem or found:
                # A known mistake explains what follows from it, so it comes first.
                message = " ".join([*found, *([problem] if problem else [])])
                return message if seed is None else f"{message} (In the order of seed {seed}.)"
        return ""

    def _run_once(self, function, code, seed: int | None, *, show: bool) -> str:
        recording = aioxide.record() if show else None
        # The lints look at every task: once is enough, in the order that the learner knows.
        lints = Lints(self.findings) if seed is None else None
        loop = self._loop = RecordedLoop(seed, lints.look if lints is not None else None)
        loop.set_exception_handler(self.findings.loop_error)
        hidden: set[asyncio.Task] = set()
        problem = ""
        asyncio.set_event_loop(loop)
        try:
            program = self._execute(code)
            problem = loop.run_until_complete(self._scenario(function, program, hidden))
        except BlockingCall:
            pass  # it is among the findings
        except BaseException as exc:
            problem = self._explain(exc)
            del exc
        if recording is not None:
            spans = timeline(recording, loop, hidden, str(self.path))
            recording.stop()
            self.write("timeline", spans=[asdict(span) for span in spans])
            del spans
        loop.forget()
        self._end(loop)
        hidden.clear()
        self._loop = None
        self.findings.collect()
        return problem

    def _end(self, loop: RecordedLoop) -> None:
        """Cancel what is left and close the loop; a task that ignores it is left behind."""
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        try:
            if left:
                loop.run_until_complete(asyncio.wait(left, timeout=PATIENT))
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
        except BlockingCall:
            pass
        asyncio.set_event_loop(None)
        loop.close()

    async def _scenario(self, function, program, hidden: set[asyncio.Task]) -> str:
        """Run a check; return what is wrong."""
        hidden.add(asyncio.current_task())
        stage = Stage(program, self.findings)

        async def checked() -> None:
            stage.own.add(asyncio.current_task())
            try:
                await function(program, stage)
            except Failed:
                # What a failed check has itself started and not ended is no fault of the file.
                self._blameless = stage.serving
                if not stage.serving and all(task.done() for task in stage.started):
                    await stage.look_for_tasks()
                raise
            await stage.look_for_tasks()

        task = asyncio.create_task(checked(), name="check")
        hidden.add(task)
        problem = ""
        done, _ = await asyncio.wait({task}, timeout=ENDLESS)
        if not done:
            waiting = sorted(
                self._place(describe(one)) for one in asyncio.all_tasks() if one not in stage.own
            )
            problem = "Your code does not come to an end. Still waiting: " + (
                "; ".join(waiting[:4]) or "nothing, it runs again and again"
            )
            task.cancel()
            await asyncio.wait({task}, timeout=1)
        elif task.cancelled():
            problem = "A CancelledError came out of your code although nobody had cancelled it."
        elif (exc := task.exception()) is not None:
            problem = "" if isinstance(exc, BlockingCall) else self._explain(exc)
            exc = None
        hidden |= stage.own
        await stage.finish()
        return problem

    def _execute(self, code) -> ModuleType:
        program = ModuleType(MODULE)
        program.__file__ = str(self.path)
        # Dataclasses look their module up by its name.
        sys.modules[MODULE] = program
        run = asyncio.run
        asyncio.run = _run_at_import
        try:
            exec(code, program.__dict__)
        finally:
            asyncio.run = run
        return program

    def _explain(self, exc: BaseException) -> str:
        if isinstance(exc, Failed):
            return str(exc)
        while isinstance(exc, BaseExceptionGroup):
            inner = [one for one in exc.exceptions if isinstance(one, Failed)]
            exc = (inner or exc.exceptions)[0]
            if isinstance(exc, Failed):
                return str(exc)
        if isinstance(exc, AttributeError) and f"module '{MODULE}'" in str(exc):
            return f"Your file has no {exc.name!r}: the checks call it."
        if isinstance(exc, MemoryError):
            return "Your file used more memory than the limit allows."
        line = self.findings.line_in(exc)
        where = f"Line {line} raised " if line else "Calling your code raised "
        text = f"{type(exc).__name__}: {exc}".rstrip(": ")
        return f"{where}{text}"

    def _place(self, description: str) -> str:
        return description.replace(f"{self.path}:", "line ")

    def _watch(self) -> None:
        """End the process if a run does not end."""
        while True:
            time.sleep(0.05)
            ends, now = self._run_ends, time.monotonic()
            if now < self._ends and (ends is None or now < ends):
                continue
            frame = sys._current_frames().get(self._main_thread)
            line = self.findings.line_of(frame)
            if line:
                source = linecache.getline(str(self.path), line).strip()
                message = (
                    f"Your code did not give control back: it is still in line {line} "
                    f"(`{source}`). Nothing else can run until it awaits."
                )
            else:
                message = "Your code runs again and again without an end."
            for finding in self.findings.seen:
                self.write("finding", **asdict(finding))
            self.write("finding", kind="stuck", message=message, line=line)
            self._write_check(self._check or "The file can be read", message)
            self.write("end")
            os._exit(3)


def _run_at_import(main, **options) -> None:
    main.close()
    raise Failed(
        "Your file runs its program when it is imported. Write it below "
        '`if __name__ == "__main__":`, so that the checks can import it.'
    )


def _checks_of(folder: Path) -> list:
    """Return the check functions of a lab in the order in which they are written."""
    spec = importlib.util.spec_from_file_location("lab_checks", folder / "checks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [value for value in vars(module).values() if hasattr(value, "check_name")]


def _limit(timeout: float, memory: int) -> None:
    """Limit what this process may use: processor time, memory, size of files, core dumps."""
    seconds = int(timeout) + 5
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (16 * 2**20, 16 * 2**20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if sys.platform == "linux" else 0
    space = pages * resource.getpagesize() + memory
    resource.setrlimit(resource.RLIMIT_AS, (space, space))


def main(arguments: list[str]) -> None:
    folder, path, descriptor, timeout, memory = arguments
    os.set_inheritable(int(descriptor), False)
    _limit(float(timeout), int(memory))
    Session(Path(folder), Path(path), int(descriptor), float(timeout)).run()


if __name__ == "__main__":
    main(sys.argv[1:])
