"""The other processes of a workload: the server and the load generator."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loops import FLOOR

BENCHES = Path(__file__).resolve().parent.parent

#: Where cargo may have built: `make bench` always into the first, and cargo by
#: itself into the second if the variable is set.
TARGETS = [
    BENCHES.parent / "target",
    *(Path(name) for name in [os.environ.get("CARGO_TARGET_DIR")] if name),
]

#: Seconds a server may take to start, or to end.
PATIENCE = 20


def native(program: str) -> str:
    """The path of one of our two native programs.

    Raises:
        FileNotFoundError: it has not been built; the message says how.
    """
    for target in TARGETS:
        path = target / "release" / program
        if path.exists():
            return str(path)
    raise FileNotFoundError(
        f"{program} is not built: cargo build --release -p aioxide-bench-native"
    )


def server_core() -> int:
    """The processor that servers are pinned to."""
    return min(os.sched_getaffinity(0))


def load_core() -> int:
    """The processor that the load generator is pinned to.

    Raises:
        OSError: there is no second one.
    """
    core = max(os.sched_getaffinity(0))
    if core == server_core():
        raise OSError(f"server and load need a processor each, there is only number {core}")
    return core


@contextmanager
def pinned_to(core: int) -> Iterator[None]:
    """Pins the processes that are started within to `core`."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@dataclass(frozen=True)
class Server:
    """A running echo server."""

    pid: int
    #: ``HOST:PORT``.
    address: str

    def processor_seconds(self) -> float:
        """Processor time it has used so far, user and system, to the nanosecond."""
        # What clock_getcpuclockid(3) gives, which Python does not have: the
        # process number inverted, and 2 for the clock that the scheduler keeps.
        return time.clock_gettime(~self.pid << 3 | 2)


@contextmanager
def serving(style: str, loop: str, *options: str) -> Iterator[Server]:
    """Runs an echo server of a style of ``serve.py`` on `loop`, or the floor.

    `options` are ``serve.py``'s.

    Raises:
        RuntimeError: it did not start; its own words are on standard error.
    """
    if loop == FLOOR:
        command = [native("echo-floor")]
    else:
        command = [sys.executable, str(BENCHES / "serve.py"), style, loop, *options]
    with pinned_to(server_core()):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    with process:
        try:
            assert process.stdout is not None
            greeting, _, address = process.stdout.readline().strip().partition(" ")
            if greeting != "listening":
                raise RuntimeError(f"the {style} server on {loop} did not start")
            yield Server(process.pid, address)
            if process.poll() is not None:
                raise RuntimeError(
                    f"the {style} server on {loop} ended by itself ({process.returncode})"
                )
        finally:
            process.kill()
            process.wait(PATIENCE)


def load(server: Server, *options: str) -> dict[str, Any]:
    """Runs the load generator and returns its report with the server's side of it.

    ``server_seconds`` is the processor time that the server used for all that is
    ``served``; ``server_busy`` is its fraction of the time that passed.

    Raises:
        RuntimeError: it failed; the message is the generator's.
    """
    used, start = server.processor_seconds(), time.perf_counter()
    with pinned_to(load_core()):
        process = subprocess.Popen(
            [native("loadgen"), server.address, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    output, errors = process.communicate()
    if process.returncode != 0:
        raise RuntimeError(errors.strip() or f"the load generator ended by {process.returncode}")
    used, elapsed = server.processor_seconds() - used, time.perf_counter() - start
    return {**json.loads(output), "server_seconds": used, "server_busy": used / elapsed}


@contextmanager
def held_connections(server: Server, count: int) -> Iterator[None]:
    """Keeps `count` connections open that have exchanged a message each.

    Raises:
        RuntimeError: they could not be opened; the reason is on standard error.
    """
    with pinned_to(load_core()):
        process = subprocess.Popen(
            [native("loadgen"), server.address, "--hold", "--connections", str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
    # Leaving closes its standard input, which ends it, and waits for that.
    with process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line or json.loads(line)["held"] != count:
            raise RuntimeError(f"could not open {count} connections to {server.address}")
        yield


def resident_bytes(pid: int) -> int:
    """Memory of a process that is in RAM now, exactly.

    From ``smaps_rollup``: the counters in ``status`` lag behind.
    """
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/{pid}/smaps_rollup has no line for Rss")


def allow_open_files(count: int) -> None:
    """Raises the limit of open files of this process and its children.

    Raises:
        OSError: the hard limit is below `count`.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        raise OSError(f"{count} open files are needed, the hard limit is {hard}")
    if soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
