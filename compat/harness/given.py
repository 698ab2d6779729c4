"""What a program is given: the loop it must run on, its folder, the servers it may use."""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import ssl
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from .catalogue import COMMAND, HTTP, RUN, Program

__all__ = ("Given", "ProgramError")

# The names under which libraries and commands take a loop factory.
FACTORIES = {"aioxide": "aioxide:new_event_loop", "asyncio": "asyncio:SelectorEventLoop"}


class ProgramError(Exception):
    """A program did not go as it must; the message says in what."""


class Given:
    """Everything a program knows of its run.

    Attributes:
        loop: ``"aioxide"`` or ``"asyncio"``.
        quick: whether the short form was asked for.
        folder: an empty folder of the program's own.
        certificates: a folder with ``server.pem``, ``server.key`` and
            ``client.pem`` (the authority) for localhost and 127.0.0.1, if the
            catalogue says that the program needs them.
        servers: what is known of the servers and tools that the program needs,
            by the name of their Debian package.
        python: the command that starts Python on this loop.
        factory_name: the loop factory as ``module:attribute``.
    """

    def __init__(
        self,
        program: Program,
        loop: str,
        *,
        quick: bool,
        folder: Path,
        certificates: Path | None,
        servers: dict[str, dict[str, Any]],
    ) -> None:
        self._program = program
        self.loop = loop
        self.quick = quick
        self.folder = folder
        self.certificates = certificates
        self.servers = servers
        self.python = [sys.executable] + (["-m", "aioxide"] if loop == "aioxide" else [])
        self.factory_name = FACTORIES[loop]
        self.steps: list[str] = []
        self.facts: list[tuple[str, Any]] = []
        self._started = time.perf_counter()

    @property
    def loop_factory(self) -> Callable[[], asyncio.AbstractEventLoop]:
        """Makes loops of the kind that is asked for."""
        module, name = self.factory_name.split(":")
        return getattr(importlib.import_module(module), name)

    def times(self, full: int, quick: int) -> int:
        """How often, or how much: one figure for the full form, one for the short."""
        return quick if self.quick else full

    def did(self, what: str) -> None:
        """Note a part that went as it must, in a few words for the table."""
        self.steps.append(what)
        print(f"{time.perf_counter() - self._started:6.1f} s  {what}", flush=True)

    def found(self, what: str, value: Any) -> None:
        """Note what came of something. It has to be the same on both loops; JSON can write it."""
        self.facts.append((what, value))

    def check_native_http(self) -> None:
        """Raise ProgramError unless requests have gone over aioxide's HTTP client.

        Only where that is asked for, and only while a client is open that has connections.
        """
        if self.loop != "aioxide" or self._program.start != HTTP:
            return
        from aioxide._aioxide import HttpPool

        pools = [it for it in gc.get_objects() if type(it) is HttpPool]
        if not any(pool.idle + pool.in_use for pool in pools):
            raise ProgramError(f"no connection is in any of {len(pools)} native pools")

    def threads(self) -> list[threading.Thread]:
        """The threads of Python's that run, but that of the lints (`--lints`)."""
        return [each for each in threading.enumerate() if each.name != "aioxide-watchdog"]

    def run(self, main: Coroutine[Any, Any, None]) -> None:
        """Run the program's main coroutine as the catalogue says, and see what it leaves.

        Raises:
            ProgramError: it ran on another loop, or tasks were left at its end.
        """
        if self.loop == "aioxide" and self._program.start == RUN:
            import aioxide

            aioxide.run(self._watched(main))
        else:
            asyncio.run(self._watched(main))

    async def _watched(self, main: Coroutine[Any, Any, None]) -> None:
        self.check_loop()
        await main
        self.check_no_task_is_left()

    def check_loop(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Raise ProgramError unless this loop (the running one) is of the kind asked for."""
        loop = loop or asyncio.get_running_loop()
        self.check_loop_name(type(loop).__module__)
        if not loop.get_debug():
            raise ProgramError(f"{loop!r} is not in debug mode")

    def check_loop_name(self, module: str) -> None:
        """Raise ProgramError unless a loop's class comes from the package asked for."""
        if module.partition(".")[0] != self.loop:
            raise ProgramError(f"a loop of {module} ran where one of {self.loop} was asked for")

    def check_server_loop(self, module: str) -> None:
        """Raise ProgramError unless the loop of a server is aioxide's where that is asked for.

        On the other side it is what the server chooses: asyncio's, or that of another package.
        """
        if self.loop == "aioxide":
            self.check_loop_name(module)

    def check_no_task_is_left(self) -> None:
        """Raise ProgramError if the running loop has other tasks than the current one."""
        left = asyncio.all_tasks() - {asyncio.current_task()}
        if left:
            raise ProgramError(f"tasks were left: {', '.join(map(repr, left))}")

    def server_tls(self) -> ssl.SSLContext:
        """A context for a server of 127.0.0.1 and localhost."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificates / "server.pem", self.certificates / "server.key")
        return context

    def client_tls(self) -> ssl.SSLContext:
        """A context for a client that trusts such a server and no other."""
        return ssl.create_default_context(cafile=str(self.certificates / "client.pem"))

    def report(self, error: str | None, seconds: float) -> str:
        """What the supervising process is told, as JSON."""
        return json.dumps(
            {"steps": self.steps, "facts": self.facts, "error": error, "seconds": seconds}
        )


def command_of(program: Program, loop: str) -> list[str]:
    """What the program's own process is started with, after the interpreter."""
    if loop != "aioxide":
        return []
    return {COMMAND: ["-m", "aioxide"], HTTP: ["-m", "aioxide", "--http"]}.get(program.start, [])
