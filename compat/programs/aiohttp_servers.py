"""aiohttp's own ways to serve: run_app, its command, and its workers for gunicorn."""

from harness.given import Given
from harness.serving import FOLDER, Server, free_port, serving

MODULE = "programs.applications.aiohttp_server"


def main(given: Given) -> None:
    run_app(given)
    command(given)
    for worker in ("GunicornWebWorker", "GunicornUVLoopWebWorker"):
        gunicorn(given, worker)


def run_app(given: Given) -> None:
    port = free_port()
    script = FOLDER / "programs" / "applications" / "aiohttp_server.py"
    with serving(given, str(script), str(port), port=port) as server:
        asked(server)
    given.did("web.run_app in a script")


def command(given: Given) -> None:
    port = free_port()
    arguments = ("-m", "aiohttp.web", "-H", "127.0.0.1", "-P", str(port), f"{MODULE}:make")
    with serving(given, *arguments, port=port) as server:
        asked(server)
    given.did("python -m aiohttp.web")


def gunicorn(given: Given, worker: str) -> None:
    port = free_port()
    arguments = ("-m", "gunicorn", f"{MODULE}:make_later", "--bind", f"127.0.0.1:{port}")
    arguments += ("--workers", "2", "--worker-class", f"aiohttp.{worker}")
    with serving(given, *arguments, port=port) as server:
        asked(server, 2)
    given.did(f"2 processes of gunicorn with its {worker}")


def asked(server: Server, processes: int = 1) -> None:
    server.check_loops(processes)
    assert server.request("POST", "/echo", b"x" * 100_000)[1] == b"x" * 100_000
