"""The other processes of a row: the API, and the load of an application that calls it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from workloads.processes import (
    BENCHES,
    PATIENCE,
    Server,
    load_core,
    native,
    pinned_to,
    server_core,
)

#: The client's processor is the one that servers have in the other rows: what is measured is
#: always there.
client_core = server_core
api_core = load_core


@contextmanager
def listening(command: list[str], core: int, environment: dict[str, str]) -> Iterator[Server]:
    """Runs a server on one processor that prints ``listening HOST:PORT``.

    Raises:
        RuntimeError: it did not start, or ended by itself.
    """
    with pinned_to(core):
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}
        )
    with process:
        try:
            assert process.stdout is not None
            greeting, _, address = process.stdout.readline().strip().partition(" ")
            if greeting != "listening":
                raise RuntimeError(f"{command[0]} did not start")
            yield Server(process.pid, address)
            if process.poll() is not None:
                raise RuntimeError(f"{command[0]} ended by itself ({process.returncode})")
        finally:
            process.kill()
            process.wait(PATIENCE)


@contextmanager
def api(*options: str) -> Iterator[Server]:
    """Runs the API; `options` are those of ``http-server``."""
    with listening([native("http-server"), *options], api_core(), {}) as server:
        yield server


@contextmanager
def application(client: str, is_accelerated: bool, api_url: str) -> Iterator[Server]:
    """Runs the FastAPI application under uvicorn on aioxide; `client` is what it calls with."""
    command = [sys.executable, "-m", "aioxide", *["--http"] * is_accelerated]
    command += [str(BENCHES / "http_clients" / "serve_application.py")]
    environment = {"BENCH_CLIENT": client, "BENCH_API": api_url}
    with listening(command, client_core(), environment) as server:
        yield server


def load(server: Server, path: str, connections: int, seconds: float) -> dict[str, Any]:
    """Loads an application; the report has its processor time as ``server_seconds``.

    Raises:
        RuntimeError: not all requests were answered well; the message is the program's.
    """
    used = server.processor_seconds()
    command = [native("http-load"), server.address, path, str(connections), str(seconds)]
    with pinned_to(api_core()):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    used = server.processor_seconds() - used
    return {**json.loads(done.stdout), "server_seconds": used}
