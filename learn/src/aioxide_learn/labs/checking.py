"""Check a learner's file in a child process with limits."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from .catalogue import Lab
from .report import Check, Finding, Part, Report, Span

#: Bytes of a file's output that a report keeps, and at which the file is ended.
KEPT_OUTPUT, MOST_OUTPUT = 64 * 1024, 1024 * 1024
#: Bytes of address space that the child may use beyond what the interpreter maps at its start.
MEMORY = 1024 * 1024 * 1024
#: Seconds that the child has beyond its own deadline to write what it knows.
GRACE = 2.0


async def check(
    lab: Lab, path: str | os.PathLike[str], *, timeout: float = 20.0, memory: int = MEMORY
) -> Report:
    """Run the checks of a lab on a learner's file and report what passed and what did not.

    The file runs in a child process on aioxide, on a virtual clock and in several orders. The
    child and what it has started are killed at the end.

    Arguments:
        lab: the lab.
        path: the learner's file.
        timeout: real seconds for all checks together.
        memory: bytes of address space that the file may use.

    Cancellation ends the child.

    Raises:
        ValueError: `timeout` or `memory` is not positive.
        FileNotFoundError: there is no such file.
    """
    if not (timeout > 0 and memory > 0):
        raise ValueError(f"timeout and memory are positive, not {timeout!r} and {memory!r}")
    path = Path(path).resolve()
    if not path.is_file():
        raise FileNotFoundError(f"no file to check: {path}")
    reading, writing = os.pipe()
    try:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "aioxide", "-m", "aioxide_learn.labs.child"),
            *(str(lab.folder), str(path), str(writing), str(timeout), str(memory)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(writing,),
            start_new_session=True,
            cwd=path.parent,
            env=_environment(),
        )
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    report = Report(lab.name)
    try:
        told = asyncio.ensure_future(_read_pipe(reading))
        printed = asyncio.ensure_future(_read_output(child))
        done, _ = await asyncio.wait({told, printed}, timeout=timeout + GRACE)
        flooded = printed in done and printed.result()[1]
        in_time = told in done or (not flooded and await _soon(told))
    finally:
        _kill(child)
        await child.wait()
    lines = await told
    report.output = (await printed)[0]
    _take(report, lines)
    if flooded:
        _fail(report, "limit", "The file prints without end: it was stopped after 1 MiB.")
    elif not in_time:
        _fail(report, "stuck", f"The checks did not end within {timeout:g} seconds.")
    elif not any(line.get("what") == "end" for line in lines):
        code = child.returncode
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit status {code}"
        _fail(report, "limit", f"Your file ended the process {how} before the checks were done.")
    return report


def _environment() -> dict[str, str]:
    environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", PYTHONUNBUFFERED="1")
    # The child finds this package wherever it was imported from.
    own = str(Path(__file__).resolve().parents[2])
    paths = [own, *filter(None, [environment.get("PYTHONPATH")])]
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    for name in ("PYTHONASYNCIODEBUG", "PYTHONWARNINGS", "PYTHONSTARTUP"):
        environment.pop(name, None)
    return environment


async def _soon(future: asyncio.Future) -> bool:
    """Wait a little for what the child writes when its own deadline is over."""
    done, _ = await asyncio.wait({future}, timeout=GRACE)
    return bool(done)


async def _read_pipe(descriptor: int) -> list[dict]:
    """Read the lines of JSON that the child writes, until it ends or says that it is done."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=16 * 1024 * 1024)
    file = os.fdopen(descriptor, "rb", 0)
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), file)
    lines: list[dict] = []
    try:
        while line := await reader.readline():
            try:
                lines.append(json.loads(line))
            except ValueError:
                continue  # cut short by the end of the child
            if lines[-1].get("what") == "end":
                break
    finally:
        transport.close()
    return lines


async def _read_output(child: asyncio.subprocess.Process) -> tuple[str, bool]:
    """Return what the child prints, and whether it was too much."""
    kept, size = bytearray(), 0
    while data := await child.stdout.read(64 * 1024):
        size += len(data)
        kept += data[: KEPT_OUTPUT - len(kept)]
        if size > MOST_OUTPUT:
            _kill(child)
            return kept.decode("utf-8", "replace") + "\n… (cut)", True
    return kept.decode("utf-8", "replace"), False


def _kill(child: asyncio.subprocess.Process) -> None:
    """Kill the child and whatever it has started: its process group."""
    try:
        if child.returncode is not None:
            # The child is gone, its group may not be. A process of this number is another one.
            os.getpgid(child.pid)
            return
    except ProcessLookupError:
        pass
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _take(report: Report, lines: list[dict]) -> None:
    for line in lines:
        what = line.pop("what", None)
        if what == "check":
            report.checks.append(Check(**line))
        elif what == "finding":
            finding = Finding(**line)
            if finding not in report.findings:
                report.findings.append(finding)
        elif what == "timeline":
            report.timeline = [
                Span(**{**span, "parts": [Part(**part) for part in span["parts"]]})
                for span in line["spans"]
            ]
        else:
            line["what"] = what


def _fail(report: Report, kind: str, message: str) -> None:
    report.findings.append(Finding(kind, message))
    report.checks.append(Check("The checks come to their end", False, message))
