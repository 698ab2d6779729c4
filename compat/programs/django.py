"""Django under two ASGI servers."""

import json
import signal

from harness.given import Given
from harness.serving import free_port, serving

APP = "programs.applications.django_project:app"


def main(given: Given) -> None:
    port = free_port()
    uvicorn = ("-m", "uvicorn", APP, "--port", str(port), "--lifespan", "off")
    served(given, port, *uvicorn)
    given.did("async and sync views under uvicorn")
    port = free_port()
    served(given, port, "-m", "hypercorn", APP, "--bind", f"127.0.0.1:{port}")
    given.did("async and sync views under hypercorn")


def served(given: Given, port: int, *command: str) -> None:
    with serving(given, *command, port=port, statuses=(0, -signal.SIGTERM)) as server:
        server.check_loops()
        assert server.request("POST", "/echo", b"x" * 100_000)[1] == b"x" * 100_000
        answer = json.loads(server.get("/thread"))
        given.check_server_loop(answer["module"])
        assert not answer["main thread"]
