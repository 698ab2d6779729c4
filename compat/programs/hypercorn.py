"""hypercorn by its own command: each of its workers for asyncio, one process and two."""

import signal

from harness.given import Given
from harness.serving import free_port, serving

APP = "programs.applications.asgi:app"


def main(given: Given) -> None:
    for worker in ("asyncio", "uvloop"):
        for count in (1, 2):
            port = free_port()
            command = ("-m", "hypercorn", APP, "--bind", f"127.0.0.1:{port}")
            command += ("--worker-class", worker, "--workers", str(count))
            with serving(given, *command, port=port, statuses=(0, -signal.SIGTERM)) as server:
                server.check_loops(count)
                assert server.request("POST", "/echo", b"x" * 100_000)[1] == b"x" * 100_000
        given.did(f"its {worker} worker, 1 process and 2")
