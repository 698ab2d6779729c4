"""The server's process: listens in every way there is, restarts, and keeps the book.

    python soak/server.py --loop aioxide --seed 1 --directory /tmp/x --carriers tcp,unix

Started by ``run.py``, which says on standard input what to do.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import ssl
import threading
import time
from pathlib import Path
from typing import Any

import census
from listeners import STYLES, Listener
from session import Book
from worker import Complaints, Orders, answer, run

#: Seconds from one restart to the next, and how long an address stays away.
BETWEEN_RESTARTS = (1.5, 4.0)
AWAY = (0.0, 0.3)
#: Seconds until the last connection of a wave must be gone.
PATIENCE = 60


class Server:
    """All listeners, and what happens to them."""

    def __init__(self, options: argparse.Namespace, complaints: Complaints) -> None:
        self._options = options
        self._complaints = complaints
        self._book = Book(complaints)
        self._random = random.Random(f"server {options.seed}")
        self._listeners = {it.name: it for it in self._make_listeners()}

    def _make_listeners(self) -> list[Listener]:
        made: list[Listener] = []
        context: ssl.SSLContext | None = None
        if self._options.certificate:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(self._options.certificate)
        for carrier in self._options.carriers.split(","):
            for style, kind in STYLES.items():
                if style == "sock" and carrier != "tcp":
                    continue
                name = f"{carrier}-{style}"
                address: Any = ("127.0.0.1", 0)
                if carrier == "unix":
                    address = str(Path(self._options.directory, style))
                has_tls = carrier == "tls"
                made.append(kind(name, self._book, address, context if has_tls else None))
        return made

    async def start(self) -> dict[str, Any]:
        """Listen everywhere; answers where."""
        for listener in self._listeners.values():
            await listener.start()
        return {name: listener.address for name, listener in self._listeners.items()}

    async def restart_until(self, calm: asyncio.Event) -> None:
        """Take one listener after the other away for a moment, until `calm` is set."""
        while True:
            try:
                async with asyncio.timeout(self._random.uniform(*BETWEEN_RESTARTS)):
                    await calm.wait()
                return
            except TimeoutError:
                pass
            listener = self._random.choice(list(self._listeners.values()))
            begin = time.monotonic()
            await listener.stop(cut=self._random.random() < 0.4)
            await asyncio.sleep(self._random.uniform(*AWAY))
            await listener.start()
            self._book.note(restarted=listener.name, begin=begin, end=time.monotonic())

    def open_book(self, path: str) -> None:
        """Begin to write down what comes over the connections."""
        self._book.file = open(path, "w")

    async def close_book(self) -> None:
        """Wait for the last connection and write no more."""
        deadline = time.monotonic() + PATIENCE
        while self._book.open and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        if self._book.open:
            left = {name: len(it.sessions) for name, it in self._listeners.items() if it.sessions}
            self._complaints.add(f"connections left after {PATIENCE} s: {left}")
        for listener in self._listeners.values():
            await asyncio.wait_for(listener.settle(), PATIENCE)
        assert self._book.file is not None
        self._book.file.close()

    async def end(self) -> None:
        """Listen no more."""
        for listener in self._listeners.values():
            await listener.stop(cut=False)
            await asyncio.wait_for(listener.settle(), PATIENCE)


async def start_all_threads() -> None:
    """Bring the default executor to its full size, so that threads can be counted."""
    size = min(32, (os.cpu_count() or 1) + 4)
    together = threading.Barrier(size)
    loop = asyncio.get_running_loop()
    await asyncio.gather(*(loop.run_in_executor(None, together.wait, 20) for _ in range(size)))


async def main(options: argparse.Namespace, orders: Orders, complaints: Complaints) -> None:
    """Do as told until there are no more orders."""
    await start_all_threads()
    without = census.descriptors()
    server = Server(options, complaints)
    addresses = await server.start()
    at_start = census.descriptors()
    answer(addresses=addresses)
    calm = asyncio.Event()
    restarts: asyncio.Task[None] | None = None
    while (order := await orders.next()) is not None:
        match order["do"]:
            case "serve":
                server.open_book(order["book"])
                calm.clear()
                restarts = asyncio.create_task(server.restart_until(calm))
            case "count":
                if restarts is not None:
                    calm.set()
                    await restarts
                    restarts = None
                await server.close_book()
                answer(census=await census.take(at_start), **complaints.told())
            case "end":
                await server.end()
                answer(census=await census.take(without), **complaints.told())
                return


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", required=True)
    parser.add_argument("--carriers", required=True)
    parser.add_argument("--certificate", help="file of the server's key and certificate")
    run(main, parser)
