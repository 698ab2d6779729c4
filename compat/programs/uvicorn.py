"""uvicorn by its own command: alone, with workers, and reloading; and called by a script."""

import json
import shutil
import signal
import time
from pathlib import Path

from harness.given import Given
from harness.serving import FOLDER, free_port, serving

MIB = 1 << 20
APP = "programs.applications.asgi:app"
# A process that a signal has ended says so, unless it has ended by itself before.
TOLD = (0, -signal.SIGTERM, -signal.SIGINT)


def main(given: Given) -> None:
    for options in ((), ("--loop", "asyncio"), ("--loop", "uvloop")):
        plain(given, *options)
    given.did("alone, with the loop it chooses, with asyncio's and with uvloop")
    kept(given)
    workers(given)
    reloading(given)
    called_by_a_script(given)


def plain(given: Given, *options: str) -> None:
    port = free_port()
    command = ("-m", "uvicorn", APP, "--port", str(port), *options)
    with serving(given, *command, port=port, statuses=TOLD) as server:
        server.check_loops()
        size = given.times(8, 1)
        status, body = server.request("POST", "/echo", b"x" * (size * MIB))
        assert (status, len(body)) == (200, size * MIB), status


def kept(given: Given) -> None:
    """uvloop's own loop, where the command line asks for it."""
    port = free_port()
    keep = ("--keep-loops",) if given.loop == "aioxide" else ()
    command = (*keep, "-m", "uvicorn", APP, "--port", str(port), "--loop", "uvloop")
    with serving(given, *command, port=port, statuses=TOLD) as server:
        module = json.loads(server.get("/loop"))["module"]
        assert module.partition(".")[0] == "uvloop", module
    given.did("uvloop kept, by --keep-loops")


def workers(given: Given) -> None:
    port = free_port()
    command = ("-m", "uvicorn", APP, "--port", str(port), "--workers", "2")
    with serving(given, *command, port=port, statuses=TOLD) as server:
        server.check_loops(2)
    given.did("--workers 2")


def reloading(given: Given) -> None:
    folder = given.folder / "reloaded"
    folder.mkdir()
    source = Path(shutil.copy(FOLDER / "programs/applications/asgi.py", folder / "own.py"))
    port = free_port()
    command = ("-m", "uvicorn", "own:app", "--port", str(port), "--reload")
    with serving(given, *command, port=port, statuses=TOLD, folder=folder) as server:
        before = server.process_number()
        # Some watchers compare whole seconds.
        time.sleep(1.1)
        source.write_text(source.read_text() + "\n")
        deadline = time.monotonic() + 60
        while process_number(server) in (before, None):
            assert time.monotonic() < deadline, "nothing was loaded again"
            time.sleep(0.1)
    given.did("--reload")


def process_number(server) -> int | None:
    try:
        return server.process_number()
    except OSError:
        return None  # between the old process and the new one


def called_by_a_script(given: Given) -> None:
    port = free_port()
    script = given.folder / "serve.py"
    script.write_text(f"import uvicorn\nuvicorn.run({APP!r}, port={port}, log_level='info')\n")
    with serving(given, str(script), port=port, statuses=TOLD) as server:
        server.check_loops()
    given.did("uvicorn.run() in a script")
