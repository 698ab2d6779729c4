"""Sanic by its own command: one process, and workers under its manager."""

from harness.given import Given
from harness.serving import free_port, serving

APP = "programs.applications.sanic_server:app"


def main(given: Given) -> None:
    for options, processes in ((("--single-process",), 1), ((), 1), (("--workers", "2"), 2)):
        port = free_port()
        command = ("-m", "sanic", APP, "--host", "127.0.0.1", "--port", str(port), *options)
        with serving(given, *command, port=port) as server:
            server.check_loops(processes)
            assert server.request("POST", "/echo", b"x" * 100_000)[1] == b"x" * 100_000
        given.did(" ".join(("sanic", *options)))
