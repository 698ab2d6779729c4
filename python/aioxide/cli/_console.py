"""A client of the console of another process: see ``docs/trace-format.md``."""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ("Console", "ConsoleError", "consoles")

#: The version of the wire.
_WIRE = 1
_LONGEST_FRAME = 64 * 1024 * 1024
#: Seconds for one answer: the process answers at once, even while its loop is blocked.
_PATIENCE = 10.0
_HEAD = struct.Struct("<IB")
_TASKS_AT_ONCE = 1000


class ConsoleError(Exception):
    """The console cannot be used; the message says why."""


def _folders() -> list[Path]:
    folders = []
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        folders.append(Path(runtime, "aioxide"))
    folders.append(Path(f"/tmp/aioxide-{os.getuid()}"))
    return folders


def consoles() -> Iterator[int]:
    """Yield the processes of this user that seem to have a console."""
    found = set()
    for folder in _folders():
        found |= {int(each.stem) for each in folder.glob("*.sock") if each.stem.isdecimal()}
    yield from sorted(found)


class Console:
    """A connection to the console of process ``pid``.

    Raises:
        ConsoleError: the process is gone, has ended or has no console, the socket is another
            user's, or what answers is no console of this version.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._socket = _connect(pid)
        try:
            self.greeting = self._greeting()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Console:
        return self

    def __exit__(self, *_details: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def ask(self, what: str, **arguments: Any) -> Any:
        """Return the answer to a request.

        Raises:
            ConsoleError: the process refuses, has gone, or sends what is no answer.
        """
        request = json.dumps({"ask": what, **arguments}).encode()
        try:
            self._socket.sendall(_HEAD.pack(len(request), 0) + request)
        except OSError as error:
            raise self._gone() from error
        answer = self._receive()
        if isinstance(answer, dict) and "error" in answer:
            raise ConsoleError(f"process {self.pid} refuses: {answer['error']}")
        return answer

    def tasks(self, sort: str, descending: bool, filter: str) -> list[dict[str, Any]]:
        """Return all tasks, asked for in portions."""
        found: list[dict[str, Any]] = []
        while True:
            answer = self.ask(
                "tasks",
                sort=sort,
                descending=descending,
                filter=filter,
                offset=len(found),
                limit=_TASKS_AT_ONCE,
            )
            if not isinstance(answer, dict):
                raise self._garbled()
            portion = _dictionaries(answer.get("tasks"), self._garbled)
            found += portion
            if not portion or len(found) >= int(answer.get("total", 0)):
                return found

    def tree(self) -> list[dict[str, Any]]:
        """Return all tasks with their parents' numbers."""
        return _dictionaries(self.ask("tree"), self._garbled)

    def _greeting(self) -> dict[str, Any]:
        greeting = self._receive()
        if not isinstance(greeting, dict) or "wire" not in greeting:
            raise self._garbled()
        if greeting["wire"] != _WIRE:
            raise ConsoleError(
                f"process {self.pid} runs aioxide {greeting.get('aioxide')}, whose console speaks "
                f"version {greeting['wire']}; this is version {_WIRE}: use that process's aioxide"
            )
        return greeting

    def _receive(self) -> Any:
        length, kind = _HEAD.unpack(self._exactly(_HEAD.size))
        if length > _LONGEST_FRAME or kind != 0:
            raise self._garbled()
        try:
            return json.loads(self._exactly(length))
        except (ValueError, RecursionError) as error:
            raise self._garbled() from error

    def _exactly(self, count: int) -> bytes:
        parts = []
        while count:
            try:
                part = self._socket.recv(min(count, 1 << 20))
            except TimeoutError as error:
                raise ConsoleError(f"process {self.pid} does not answer") from error
            except OSError as error:
                raise self._gone() from error
            if not part:
                raise self._gone()
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _gone(self) -> ConsoleError:
        return ConsoleError(f"process {self.pid} has closed the connection")

    def _garbled(self) -> ConsoleError:
        return ConsoleError(f"what process {self.pid} answers is not the console of aioxide")


def _dictionaries(value: Any, failure: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise failure()
    return value


def _connect(pid: int) -> socket.socket:
    for folder in _folders():
        path = folder / f"{pid}.sock"
        try:
            owner = path.stat().st_uid
        except OSError:
            continue
        if owner != os.getuid():
            raise ConsoleError(f"the console of process {pid} belongs to another user")
        made = socket.socket(socket.AF_UNIX)
        made.settimeout(_PATIENCE)
        try:
            made.connect(str(path))
        except OSError:
            made.close()
            continue
        return made
    if not _exists(pid):
        raise ConsoleError(f"there is no process {pid}")
    if _has_ended(pid):
        raise ConsoleError(f"process {pid} has ended, but its parent has not waited for it")
    raise ConsoleError(
        f"process {pid} has no console: start it by `aioxide --console`, with AIOXIDE_CONSOLE=1, "
        "or let it call aioxide.console.start()"
    )


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _has_ended(pid: int) -> bool:
    """Whether a process that exists is a zombie. Only Linux tells."""
    try:
        status = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    # The name, in parentheses, may have anything in it.
    return status.rpartition(b")")[2].split()[:1] in ([b"Z"], [b"X"])
