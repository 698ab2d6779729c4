"""PostgreSQL, Redis and NATS, each for this run alone: loopback, own ports, files in a folder."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .debian import Tools, Unavailable

__all__ = ("nats", "postgresql", "redis")

_START_SECONDS = 60.0
_STOP_SECONDS = 30.0


@contextmanager
def postgresql(tools: Tools, certificates: Path) -> Iterator[dict[str, Any]]:
    """Run PostgreSQL with a new, empty cluster.

    Args:
        tools: ``initdb`` and ``postgres``.
        certificates: the folder with ``server.pem`` and ``server.key``.

    Yields:
        ``host``, ``port``, ``user`` and ``sockets``, the folder of its Unix socket.

    Raises:
        Unavailable: it does not start.
    """
    with _folder(certificates) as folder:
        data = folder / "data"
        log = folder / "log"
        _run_to_its_end(
            [str(tools.paths["initdb"]), "--pgdata", str(data), "--username", "compat"]
            + ["--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"],
            tools,
            log,
        )
        port = _free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": folder,
            # Nothing here has to survive a power cut.
            "fsync": "off",
            "ssl": "on",
            "ssl_cert_file": folder / "server.pem",
            "ssl_key_file": folder / "server.key",
        }
        command = [str(tools.paths["postgres"]), "-D", str(data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        unix = folder / f".s.PGSQL.{port}"
        with _process(command, tools, log, lambda: _answers(unix), signal.SIGINT):
            yield {"host": "127.0.0.1", "port": port, "user": "compat", "sockets": str(folder)}


@contextmanager
def redis(tools: Tools, certificates: Path) -> Iterator[dict[str, Any]]:
    """Run a Redis that keeps everything in memory.

    Args:
        tools: ``redis-server``.
        certificates: the folder with ``server.pem`` and ``server.key``.

    Yields:
        ``host``, ``port``, ``tls_port`` and ``unix``, the path of its Unix socket.

    Raises:
        Unavailable: it does not start.
    """
    with _folder(certificates) as folder:
        unix = folder / "redis.sock"
        port, tls_port = _free_port(), _free_port()
        settings = {
            "bind": "127.0.0.1",
            "port": port,
            "unixsocket": unix,
            "dir": folder,
            "save": "",
            "appendonly": "no",
            "tls-port": tls_port,
            "tls-cert-file": folder / "server.pem",
            "tls-key-file": folder / "server.key",
            "tls-ca-cert-file": folder / "client.pem",
            "tls-auth-clients": "no",
        }
        command = [str(tools.paths["redis-server"])]
        for name, value in settings.items():
            command += [f"--{name}", str(value)]
        with _process(command, tools, folder / "log", lambda: _answers(unix), signal.SIGTERM):
            yield {"host": "127.0.0.1", "port": port, "tls_port": tls_port, "unix": str(unix)}


@contextmanager
def nats(tools: Tools, certificates: Path) -> Iterator[dict[str, Any]]:
    """Run a NATS server with JetStream.

    Args:
        tools: ``nats-server``.
        certificates: the folder with ``server.pem`` and ``server.key``.

    Yields:
        ``host`` and ``port``.

    Raises:
        Unavailable: it does not start.
    """
    with _folder(certificates) as folder:
        port = _free_port()
        command = [str(tools.paths["nats-server"]), "--addr", "127.0.0.1", "--port", str(port)]
        command += ["--jetstream", "--store_dir", str(folder / "store")]
        with _process(command, tools, folder / "log", lambda: _listens(port), signal.SIGTERM):
            yield {"host": "127.0.0.1", "port": port}


def _user() -> dict[str, Any]:
    """As whom a server runs: PostgreSQL refuses to be root, and neither has a reason to."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise Unavailable("there is no unprivileged user to run a server as")


@contextmanager
def _folder(certificates: Path) -> Iterator[Path]:
    """A folder of the server's user with the certificates in it, deleted at the end.

    It is not in the checkout, which that user may be unable to reach.
    """
    user = _user()
    # Short: a Unix socket's path has little more than a hundred bytes.
    with tempfile.TemporaryDirectory(prefix="compat-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        files = [
            Path(shutil.copy(certificates / file, folder))
            for file in ("server.pem", "server.key", "client.pem")
        ]
        for path in (folder, *files):
            if user:
                os.chown(path, user["user"], user["group"])
        for path in files:
            path.chmod(0o600)
        yield folder


def _run_to_its_end(command: list[str], tools: Tools, log: Path) -> None:
    with log.open("ab") as output:
        done = subprocess.run(
            command,
            env={**os.environ, **tools.environment},
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            **_user(),
        )
    if done.returncode:
        raise Unavailable(f"{command[0]} failed: {_last_line(log)}")


@contextmanager
def _process(
    command: list[str],
    tools: Tools,
    log: Path,
    is_ready: Callable[[], bool],
    stop_signal: signal.Signals,
) -> Iterator[None]:
    """Run a server for as long as the block runs."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            env={**os.environ, **tools.environment},
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C is for the runner, which then stops its servers in order.
            start_new_session=True,
            **_user(),
        )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not is_ready():
            if process.poll() is not None:
                raise Unavailable(f"{command[0]} ended at its start: {_last_line(log)}")
            if time.monotonic() > deadline:
                raise Unavailable(f"{command[0]} was not ready after {_START_SECONDS:.0f} s")
            time.sleep(0.05)
        yield
    finally:
        process.send_signal(stop_signal)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(unix: Path) -> bool:
    """Whether a server takes connections at this Unix socket."""
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(unix))
        except OSError:
            return False
    return True


def _listens(port: int) -> bool:
    """Whether a server takes connections at this port."""
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
