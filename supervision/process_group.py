"""A command in a process group of its own, which ends with everything that it has started.

`conformance/` and `compat/` run what they test by it: whatever a test or a program does to its
process, and whatever it leaves behind, the harness goes on.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import psutil

__all__ = ("ProcessGroup", "exit_in_words")

# How long the kernel may take to end processes that were killed.
_KILLED_SECONDS = 10.0
_SECONDS_BETWEEN_LOOKS = 0.02


class ProcessGroup:
    """A command that was started, and the processes that it starts.

    `end` has to be called, whatever happens meanwhile.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        output: IO[bytes],
        pass_fds: Sequence[int] = (),
    ) -> None:
        """Start a command.

        Args:
            command: the program and its arguments.
            folder: its working directory.
            environment: its environment variables.
            output: takes standard output and standard error; standard input is empty.
            pass_fds: descriptors that it inherits.
        """
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=pass_fds,
            start_new_session=True,
        )

    @property
    def status(self) -> int | None:
        """The command's exit status, negative for a signal; None while it runs."""
        if self._process.returncode is not None:
            return self._process.returncode
        # It stays unreaped until `end`, so that no other process or group gets its number.
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        ended = os.waitid(os.P_PID, self._process.pid, options)
        if ended is None:
            return None
        return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status

    def wait(self, seconds: float) -> int | None:
        """Wait for the command's end and return `status`: None if the time was too short."""
        deadline = time.monotonic() + seconds
        while (status := self.status) is None and time.monotonic() < deadline:
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        return status

    def end(self, grace: float = 0.0) -> list[str]:
        """Kill what is left of the group, and return the command lines of that.

        Args:
            grace: seconds in which the processes may end by themselves.
        """
        left = self._wait_until_empty(grace)
        # On macOS a group of which only the unreaped command is left may not be signalled.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._wait_until_empty(_KILLED_SECONDS)
        return left

    def _wait_until_empty(self, seconds: float) -> list[str]:
        """Wait until no process is left, or return the command lines after that time."""
        deadline = time.monotonic() + seconds
        while (left := self._command_lines()) and time.monotonic() < deadline:
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        return left

    def _command_lines(self) -> list[str]:
        """The command lines of the processes of the group that have not ended."""
        found = []
        for process in psutil.process_iter():
            # One that ends meanwhile is not among them.
            with suppress(ProcessLookupError, PermissionError, psutil.Error):
                if os.getpgid(process.pid) == self._process.pid and _runs(process):
                    found.append(" ".join(process.cmdline()))
        return found


def _runs(process: psutil.Process) -> bool:
    return process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)


def exit_in_words(status: int) -> str:
    """What an exit status means, as `ProcessGroup.status` has it."""
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return f"exit status {status}"
