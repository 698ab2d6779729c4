"""What the server's and the clients' process have in common: orders, answers, complaints.

Orders come as lines of JSON on standard input, answers go as such to standard output. Whatever a
loop reports to nobody in particular (the exception handler, the log, warnings, finalizers that
raise) is a complaint, and there must be none.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import resource
import sys
import traceback
import warnings
from collections.abc import Callable, Coroutine
from typing import Any

#: What asyncio's words are for: over TLS a peer may end the connection while messages that came
#: before are being answered, and of those answers the fifth and all that follow are logged.
KNOWN = ("SSL connection is closed",)
#: What the standard library reports of itself besides. Of a child that ends just before it is
#: killed, it asks the system twice how it has ended. Of TLS whose connection is lost, CPython
#: before 3.12.8 and 3.13.1 tells the writer two iterations later, and logs a warning if that was
#: five writes too late.
KNOWN_OF_ASYNCIO = (
    "exit status already read",
    "Unknown child process pid",
    "socket.send() raised exception",
)
#: More are not kept: one is enough to fail.
MOST_COMPLAINTS = 20


class Complaints(logging.Handler):
    """Everything that was reported and should not have been."""

    def __init__(self, known: tuple[str, ...]) -> None:
        super().__init__(logging.WARNING)
        self._known = known
        self.texts: list[str] = []
        self.count = 0

    def add(self, text: str) -> None:
        """Keep one more, unless it is known to come and to be no harm."""
        if any(known in text for known in self._known):
            return
        self.count += 1
        if len(self.texts) < MOST_COMPLAINTS:
            self.texts.append(text)

    def add_exception(self, what: str, error: BaseException) -> None:
        """Keep one with the way that the exception came."""
        self.add(f"{what}: {''.join(traceback.format_exception(error)).rstrip()}")

    def emit(self, record: logging.LogRecord) -> None:
        text = f"logged by {record.name}: {record.getMessage()}"
        if record.exc_info:
            text += "\n" + "".join(traceback.format_exception(*record.exc_info)).rstrip()
        self.add(text)

    def handle_context(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """The loop's exception handler."""
        shown = {key: value for key, value in context.items() if key != "exception"}
        self.add(f"exception handler called: {shown}")
        if error := context.get("exception"):
            self.add_exception("with", error)

    def told(self) -> dict[str, Any]:
        """All of it, for an answer."""
        return {"complaints": self.texts, "complaint_count": self.count}

    def listen(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hear all that can be reported in this process from now on."""
        loop.set_exception_handler(self.handle_context)
        logging.getLogger().addHandler(self)
        logging.captureWarnings(True)
        warnings.simplefilter("always", ResourceWarning)
        sys.unraisablehook = lambda it: self.add(
            f"unraisable in {it.object!r}: {it.exc_value!r} ({it.err_msg})"
        )


class Orders:
    """Lines of JSON from standard input, as an asynchronous queue."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._buffer = b""
        self._lines: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        loop.add_reader(0, self._read)

    def _read(self) -> None:
        data = os.read(0, 65536)
        self._buffer += data
        *lines, self._buffer = self._buffer.split(b"\n")
        for line in lines:
            self._lines.put_nowait(json.loads(line))
        if not data:
            self._loop.remove_reader(0)
            self._lines.put_nowait(None)

    async def next(self) -> dict[str, Any] | None:
        """The next order, or None when nobody is there to give one."""
        return await self._lines.get()


def answer(**content: Any) -> None:
    """Say something to whoever gives the orders."""
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()


def run(
    main: Callable[[argparse.Namespace, Orders, Complaints], Coroutine[Any, Any, None]],
    parser: argparse.ArgumentParser,
) -> None:
    """Run a worker's `main` on the loop that ``--loop`` names, with room for descriptors."""
    parser.add_argument("--loop", choices=("aioxide", "asyncio"), required=True)
    parser.add_argument("--seed", required=True)
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if options.loop == "aioxide":
        import aioxide

        factory: Callable[[], asyncio.AbstractEventLoop] = aioxide.new_event_loop
        complaints = Complaints(KNOWN)
    else:
        factory = asyncio.SelectorEventLoop
        complaints = Complaints(KNOWN + KNOWN_OF_ASYNCIO)

    async def start() -> None:
        loop = asyncio.get_running_loop()
        complaints.listen(loop)
        await main(options, Orders(loop), complaints)

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(start())
