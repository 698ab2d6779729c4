"""Servers that a program starts by their own command, and which loop runs in their processes."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

from .given import Given, ProgramError

__all__ = ("FOLDER", "Server", "ended", "free_port", "running", "serving")

#: Where servers run, so that they find ``programs.applications``.
FOLDER = Path(__file__).resolve().parent.parent

_START_SECONDS = 100.0
_STOP_SECONDS = 30.0


class Server:
    """A server whose application answers ``/loop`` and ``/busy`` with its loop and its process."""

    def __init__(self, given: Given, process: subprocess.Popen[bytes], port: int) -> None:
        self._given = given
        self.process = process
        self.port = port

    def request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Send a request on a connection of its own; answers the status and the body."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(method, path, body)
            response = connection.getresponse()
            return response.status, response.read()

    def get(self, path: str) -> bytes:
        status, body = self.request("GET", path)
        assert status == 200, (path, status, body)
        return body

    def process_number(self) -> int:
        """Ask one of the server's processes for its number, after a look at its loop."""
        answer = json.loads(self.get("/loop"))
        self._given.check_server_loop(answer["module"])
        return answer["process"]

    def check_loops(self, processes: int = 1) -> None:
        """Raise ProgramError unless so many processes answer, each on the right loop."""
        seen: dict[int, str] = {}
        deadline = time.monotonic() + _START_SECONDS
        with ThreadPoolExecutor(8) as pool:
            while len(seen) < processes:
                # Each blocks the process that takes it, and leaves the next one to the others.
                for body in pool.map(self.get, ["/busy"] * 8):
                    answer = json.loads(body)
                    seen[answer["process"]] = answer["module"]
                if time.monotonic() > deadline:
                    raise ProgramError(f"only {seen} answered")
        for module in seen.values():
            self._given.check_server_loop(module)


@contextmanager
def serving(
    given: Given,
    *arguments: str,
    port: int,
    statuses: Sequence[int] = (0,),
    folder: Path = FOLDER,
    number: signal.Signals = signal.SIGTERM,
) -> Iterator[Server]:
    """Run a server; at the end it is told to end, and has to.

    Args:
        given: says which loop.
        arguments: the command without Python: a script, or ``-m`` and a module.
        port: where it listens, on 127.0.0.1.
        statuses: those it may end with.
        folder: where it runs.
        number: the signal that tells it to end.
    """
    with running(given, *arguments, folder=folder) as process:
        server = Server(given, process, port)
        _wait_for_start(server)
        yield server
        process.send_signal(number)
        ended(process, statuses)


@contextmanager
def running(
    given: Given, *arguments: str, folder: Path = FOLDER
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command of Python's on the loop that is asked for; killed at the end if it still runs.

    Args:
        given: says which loop.
        arguments: a script, or ``-m`` and a module, and what it is given.
        folder: where it runs.
    """
    process = subprocess.Popen(
        [*given.python, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([os.environ["PYTHONPATH"], str(FOLDER)])},
        stdin=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def ended(process: subprocess.Popen[bytes], statuses: Sequence[int] = (0,)) -> None:
    """Wait for a process that was told to end; raise ProgramError if it does not end well."""
    try:
        status = process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        raise ProgramError(f"{process.args} goes on although it was told to end") from None
    if status not in statuses:
        raise ProgramError(f"{process.args} ended with {status}")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens at."""
    with closing(socket.create_server(("127.0.0.1", 0))) as sock:
        return sock.getsockname()[1]


def _wait_for_start(server: Server) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            server.get("/loop")
            return
        except (OSError, http.client.HTTPException):
            if server.process.poll() is not None:
                status = server.process.returncode
                raise ProgramError(f"{server.process.args} ended with {status}") from None
            if time.monotonic() > deadline:
                raise ProgramError(f"{server.process.args} did not answer") from None
            time.sleep(0.05)
