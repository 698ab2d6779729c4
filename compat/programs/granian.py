"""granian by its own command: each of its loops, with two workers."""

from harness.given import Given
from harness.serving import free_port, serving

APP = "programs.applications.asgi:app"


def main(given: Given) -> None:
    for loop in ("auto", "asyncio", "uvloop", "rloop"):
        port = free_port()
        command = ("-m", "granian", APP, "--interface", "asgi", "--port", str(port))
        command += ("--workers", "2", "--loop", loop)
        with serving(given, *command, port=port) as server:
            server.check_loops(2)
            assert server.request("POST", "/echo", b"x" * 100_000)[1] == b"x" * 100_000
        given.did(f"2 workers, --loop {loop}")
