"""gunicorn with workers that run a loop: uvicorn's, and its own for ASGI."""

from harness.given import Given
from harness.serving import free_port, serving

APP = "programs.applications.asgi:app"

WORKERS = {
    "uvicorn_worker.UvicornWorker": "uvicorn's worker",
    "uvicorn_worker.UvicornH11Worker": "uvicorn's worker on asyncio's loop",
    "asgi": "gunicorn's own worker",
}


def main(given: Given) -> None:
    for worker, described in WORKERS.items():
        port = free_port()
        command = ("-m", "gunicorn", APP, "--bind", f"127.0.0.1:{port}", "--workers", "2")
        with serving(given, *command, "--worker-class", worker, port=port) as server:
            server.check_loops(2)
            assert server.request("POST", "/echo", b"x" * 100_000)[1] == b"x" * 100_000
        given.did(f"2 processes of {described}")
