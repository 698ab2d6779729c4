"""FastAPI and Starlette under uvicorn with httptools, in a process of its own, loaded by wrk.

uvicorn is told of the loop by its option ``--loop``. The application is `fastapi_application`.
"""

import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import websockets.sync.client
from harness.catalogue import WRK
from harness.given import Given, ProgramError

MIB = 1 << 20
CLOSED_SECONDS = 30.0


def main(given: Given) -> None:
    with uvicorn(given) as server:
        given.check_loop_name(json.loads(server.get("/loop"))["module"])
        requests(given, server)
        large_bodies(given, server)
        websocket(given, server)
        loaded(given, server)
        abandoned(given, server)
        drained(given, server)
    with uvicorn(given, "--workers", "2") as server:
        several_workers(given, server)
    certificate = ["--ssl-certfile", str(given.certificates / "server.pem")]
    certificate += ["--ssl-keyfile", str(given.certificates / "server.key")]
    with uvicorn(given, *certificate, tls=given.client_tls()) as server:
        large_bodies(given, server, "https")
    with uvicorn(given, unix=given.folder / "uvicorn.sock") as server:
        large_bodies(given, server, "a Unix socket")


class Server:
    """A running uvicorn and how to connect to it."""

    def __init__(
        self, process: subprocess.Popen[bytes], connect: Callable[[], socket.socket], port: int
    ) -> None:
        self.process = process
        self.connect = connect
        self.port = port

    def request(
        self, method: str, path: str, body: str | Iterator[bytes] | None = None
    ) -> tuple[int, bytes]:
        """Send a request on a connection of its own; answers the status and the body."""
        with closing(http.client.HTTPConnection("localhost")) as connection:
            connection.sock = self.connect()
            headers = {"content-type": "application/json"}
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()

    def get(self, path: str) -> bytes:
        status, body = self.request("GET", path)
        assert status == 200, (path, status, body)
        return body


@contextmanager
def uvicorn(
    given: Given, *options: str, tls: ssl.SSLContext | None = None, unix: Path | None = None
) -> Iterator[Server]:
    """Run the application; at the end it has to end as it does for a service manager."""
    command = [sys.executable, "-m", "uvicorn", "programs.fastapi_application:app"]
    command += ["--loop", given.factory_name, "--http", "httptools", "--no-access-log"]
    command += ["--app-dir", str(Path(__file__).resolve().parent.parent), *options]
    port = free_port()
    address: object = str(unix) if unix else ("127.0.0.1", port)
    command += ["--uds", str(unix)] if unix else ["--port", str(port)]

    def connect() -> socket.socket:
        sock = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
        try:
            sock.settimeout(60)
            sock.connect(address)
            return tls.wrap_socket(sock, server_hostname="localhost") if tls else sock
        except BaseException:
            sock.close()
            raise

    process = subprocess.Popen(command)
    try:
        server = Server(process, connect, port)
        wait_for_start(server)
        yield server
        process.send_signal(signal.SIGTERM)
        status = process.wait(CLOSED_SECONDS)
        # uvicorn raises the signal again when it has shut down.
        if status not in (0, -signal.SIGTERM):
            raise ProgramError(f"uvicorn ended with status {status} after SIGTERM")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_start(server: Server) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            server.get("/loop")
            return
        except OSError:
            if server.process.poll() is not None:
                raise ProgramError(f"uvicorn ended with {server.process.returncode}") from None
            if time.monotonic() > deadline:
                raise ProgramError("uvicorn did not answer after 60 s") from None
            time.sleep(0.05)


def requests(given: Given, server: Server) -> None:
    item = {"name": "a", "price": 2.5}
    status, body = server.request("POST", "/items/7", json.dumps(item))
    assert (status, json.loads(body)) == (200, {"number": 7, "total": 5.0, "item": item}), body
    status, body = server.request("POST", "/items/seven", json.dumps(item))
    assert status == 422, (status, body)
    assert server.get("/threaded") == b'"in a thread"'
    status, _ = server.request("GET", "/broken")
    assert status == 500, status
    status, _ = server.request("GET", "/background")
    assert status == 200
    deadline = time.monotonic() + 30
    while json.loads(server.get("/background/done")) != 1:
        assert time.monotonic() < deadline, "the background task did not run"
        time.sleep(0.01)
    given.did("validation, threads, dependencies, a background task")


def large_bodies(given: Given, server: Server, how: str = "") -> None:
    size = given.times(32, 4)
    status, body = server.request("POST", "/count", iter([b"x" * MIB] * size))
    assert (status, json.loads(body)) == (200, size * MIB), body
    assert server.get(f"/stream/{size}") == b"x" * (size * MIB)
    given.did(f"{size} MiB up and down" + (f" over {how}" if how else ""))


def websocket(given: Given, server: Server) -> None:
    uri = f"ws://127.0.0.1:{server.port}/echo"
    with websockets.sync.client.connect(uri, max_size=None) as connection:
        for message in ("text", "y" * (4 * MIB)):
            connection.send(message)
            assert connection.recv(60) == message
    given.did("a websocket")


def loaded(given: Given, server: Server) -> None:
    tool = given.servers[WRK]
    seconds = given.times(5, 2)
    done = subprocess.run(
        [tool["path"], "--threads", "1", "--connections", "50", "--duration", f"{seconds}s"]
        + ["--timeout", "30s", f"http://127.0.0.1:{server.port}/json"],
        env={**os.environ, **tool["environment"]},
        capture_output=True,
        text=True,
        check=True,
    )
    print(done.stdout)
    assert "Socket errors" not in done.stdout and "Non-2xx" not in done.stdout, done.stdout
    found = re.search(r"(\d+) requests in", done.stdout)
    assert found and int(found[1]) > 0, done.stdout
    given.did(f"wrk with 50 connections for {seconds} s")


def abandoned(given: Given, server: Server) -> None:
    sock = server.connect()
    with closing(sock):
        sock.sendall(b"GET /endless HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert sock.recv(1000)
    deadline = time.monotonic() + 30
    while json.loads(server.get("/endless/abandoned")) != 1:
        assert time.monotonic() < deadline, "the server goes on sending"
        time.sleep(0.01)
    given.did("a client that went away")


def drained(given: Given, server: Server) -> None:
    """A request that is under way is answered although the server is told to end."""
    with closing(http.client.HTTPConnection("localhost")) as connection:
        connection.sock = server.connect()
        connection.request("GET", "/slow")
        connection.sock.settimeout(CLOSED_SECONDS)
        while json.loads(server.get("/slow/begun")) != 1:
            time.sleep(0.01)
        server.process.send_signal(signal.SIGTERM)
        assert connection.getresponse().read() == b'"done"'
    given.did("SIGTERM while a request runs")


def several_workers(given: Given, server: Server) -> None:
    seen: dict[int, str] = {}
    deadline = time.monotonic() + 30
    while len(seen) < 2:
        answer = json.loads(server.get("/loop"))
        seen[answer["process"]] = answer["module"]
        assert time.monotonic() < deadline, f"only {seen} answered"
    for module in seen.values():
        given.check_loop_name(module)
    given.did("2 worker processes")
