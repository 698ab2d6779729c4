"""FastAPI by its own command, with one process and two."""

import signal

from harness.given import Given
from harness.serving import FOLDER, free_port, serving

FILE = str(FOLDER / "programs" / "applications" / "fastapi_server.py")


def main(given: Given) -> None:
    for workers in (1, 2):
        port = free_port()
        command = ("-m", "fastapi", "run", FILE, "--host", "127.0.0.1", "--port", str(port))
        command += ("--workers", str(workers)) if workers > 1 else ()
        with serving(given, *command, port=port, statuses=(0, -signal.SIGTERM)) as server:
            server.check_loops(workers)
            assert server.request("POST", "/echo", b"x" * 100_000)[1] == b"x" * 100_000
        given.did(f"fastapi run, {workers} {'process' if workers == 1 else 'processes'}")
