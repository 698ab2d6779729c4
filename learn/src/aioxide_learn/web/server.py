"""The server: on loopback, on aioxide's loop, until it is interrupted."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import webbrowser
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import aioxide
import uvicorn
from starlette.applications import Starlette

from aioxide_learn.web import application

HOST = "127.0.0.1"

#: Where the program listens if nothing else does.
USUAL_PORT = 8421


class PortError(Exception):
    """The port cannot be used; the message names it and says why."""


class _Server(uvicorn.Server):
    """Ends the streams of results when it is asked to stop: it waits for open requests."""

    def __init__(self, app: Starlette, at_start: Callable[[], None]) -> None:
        config = uvicorn.Config(
            app,
            lifespan="on",
            ws="none",
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=3,
        )
        # Here, since its imports would hold up the loop.
        config.load()
        super().__init__(config)
        self._app = app
        self._at_start = at_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self.started:
            self._at_start()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        rooms = getattr(self._app.state, "rooms", None)
        if rooms is not None:
            self._loop.call_soon_threadsafe(rooms.close)


def serve(folder: Path, port: int | None = None, open_browser: bool = True) -> None:
    """Serve the program until SIGINT or SIGTERM.

    Args:
        folder: the data folder.
        port: where to listen; None takes the usual one or, if that is taken, a free one.
        open_browser: whether to show the page.

    Raises:
        PortError: the port that was asked for cannot be used.
    """
    with contextlib.closing(_listen(port)) as listener:
        port = listener.getsockname()[1]
        address = f"http://{HOST}:{port}/"
        app = application.create(folder, port)

        def at_start() -> None:
            print(f"aioxide-learn: {address} (Ctrl-C ends it; progress in {folder})", flush=True)
            if open_browser:
                webbrowser.open(address)

        server = _Server(app, at_start)
        with contextlib.suppress(KeyboardInterrupt):
            aioxide.run(server.serve(sockets=[listener]))
        if not server.started:
            raise SystemExit(3)


def _listen(port: int | None) -> socket.socket:
    try:
        return socket.create_server((HOST, USUAL_PORT if port is None else port))
    except OSError as error:
        if port is None and error.errno == errno.EADDRINUSE:
            return socket.create_server((HOST, 0))
        raise PortError(f"port {port} of {HOST}: {os.strerror(error.errno or 0)}") from error
