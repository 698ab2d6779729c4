"""A web server under load."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys

from workloads.processes import BENCHES, Server, load_core, pinned_to, serving
from workloads.sampling import Measurement, Sampling

CONNECTIONS = 100


def aiohttp(sampling: Sampling) -> Measurement:
    """GET of a page of 14 bytes, kept alive, on 100 connections, with wrk."""
    command, environment = wrk()
    with serving("web", sampling.loop) as server:
        warmup = max(1, round(sampling.warmup_seconds))
        requests(server, [*command, f"-d{warmup}s"], environment)
        used = server.processor_seconds()
        seconds = max(1, round(sampling.load_seconds))
        served = requests(server, [*command, f"-d{seconds}s"], environment)
        used = server.processor_seconds() - used
    return Measurement(
        served / used,
        {"served": served, "server_seconds": used, "server_busy": used / seconds},
    )


def wrk() -> tuple[list[str], dict[str, str]]:
    """wrk with one thread, and the environment it needs; it is installed if it is missing.

    Raises:
        Exception: it cannot be had; the message says why.
    """
    # What `make compat` gets wrk with.
    sys.path.append(str(BENCHES.parent / "compat"))
    from harness.debian import provide

    # Our standard output is for the measurement alone.
    with contextlib.redirect_stdout(sys.stderr):
        tools = provide("wrk", BENCHES.parent / "target" / "compat" / "debian")
    return [str(tools.paths["wrk"]), "-t1", f"-c{CONNECTIONS}"], tools.environment


def requests(server: Server, command: list[str], environment: dict[str, str]) -> int:
    """Runs wrk and returns how many requests were answered.

    Raises:
        RuntimeError: not all of them were answered well; the message is wrk's line about it.
    """
    with pinned_to(load_core()):
        done = subprocess.run(
            [*command, f"http://{server.address}/"],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
    if wrong := re.search(r"Socket errors.*|Non-2xx.*", done.stdout):
        raise RuntimeError(wrong[0])
    answered = re.search(r"(\d+) requests in", done.stdout)
    assert answered is not None
    return int(answered[1])
