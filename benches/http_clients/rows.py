"""The rows: what is measured, of which clients, and what aioxide is to reach."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import selection
from workloads.sampling import Measurement

from http_clients import measuring
from http_clients.clients import CLIENTS

#: Prefix of the names on the command line.
FAMILY: Final = "http"


@dataclass(frozen=True)
class Target:
    """`ours` is to be at least `factor` times as good as `theirs`."""

    ours: str
    theirs: str
    factor: float


@dataclass(frozen=True)
class Limit:
    """The number of `ours` is to be at most `value`."""

    ours: str
    value: float


@dataclass(frozen=True)
class Row:
    """One table: a workload, for every client that takes part. Less is better in all of them."""

    name: str
    title: str
    unit: str
    measure: Callable[[Any, bool], Measurement]
    targets: tuple[Target | Limit, ...] = ()
    #: Details that the table shows beside the number: name in the sample, heading, factor.
    details: tuple[tuple[str, str, float], ...] = ()
    #: Loops are compared, not clients.
    has_loops: bool = False
    #: The clients, if not all take part whose `without` does not name the row.
    clients: tuple[str, ...] | None = None

    def competitors(self) -> tuple[str, ...]:
        """Names of clients, or of loops."""
        if self.has_loops:
            return ("uvloop", "aioxide")
        return tuple(
            client.name
            for client in CLIENTS
            if self.name not in client.without
            and (self.clients is None or client.name in self.clients)
        )


LATENCIES: Final = (
    ("requests_per_second", "requests/s", 1.0),
    ("p50_ms", "p50, ms", 1.0),
    ("p99_ms", "p99, ms", 1.0),
)
MEBIBYTE: Final = 1 / (1 << 20)

ROWS: Final = (
    Row(
        "json",
        "GET 1 KiB of JSON, 32 at a time",
        "µs/request",
        functools.partial(measuring.requests, tls=False),
        (
            Target("session", "aiohttp", 3),
            Target("session", "pyreqwest", 1.2),
            Target("httpx_transport", "httpx", 8),
            Target("httpx2_transport", "httpx2", 3),
        ),
        LATENCIES,
    ),
    Row(
        "tls",
        "the same over TLS",
        "µs/request",
        functools.partial(measuring.requests, tls=True),
        (Target("session", "aiohttp", 2.5),),
        LATENCIES,
    ),
    Row(
        "urls",
        "1,000 URLs, 50 at a time, as in `make demo`",
        "µs/request",
        measuring.urls,
        (Target("session", "aiohttp", 2.5), Target("aiohttp_http", "aiohttp", 2.5)),
        clients=("aiohttp", "session", "aiohttp_http"),
    ),
    Row(
        "download",
        "100 MiB down",
        "ms/100 MiB",
        functools.partial(measuring.transfer, is_upload=False),
        (Target("session", "aiohttp", 2),),
        (("mib_per_second", "MiB/s", 1.0), ("peak_growth_bytes", "peak memory, + MiB", MEBIBYTE)),
    ),
    Row(
        "upload",
        "100 MiB up",
        "ms/100 MiB",
        functools.partial(measuring.transfer, is_upload=True),
        (Target("session", "aiohttp", 2),),
        (("mib_per_second", "MiB/s", 1.0), ("peak_growth_bytes", "peak memory, + MiB", MEBIBYTE)),
    ),
    Row(
        "fastapi",
        "FastAPI → API → answer, 32 at a time",
        "µs/request",
        measuring.application,
        (
            Target("httpx_http", "httpx", 5),
            Target("httpx2_http", "httpx2", 2.5),
            Target("aiohttp_http", "aiohttp", 1.4),
        ),
        LATENCIES,
        clients=(
            *("floor_json", "pyreqwest", "aiohttp", "aiohttp_http"),
            *("httpx", "httpx_http", "httpx2", "httpx2_http"),
        ),
    ),
    Row(
        "idle",
        "an idle pooled connection, of 2,000",
        "bytes",
        measuring.idle,
        # httpx itself looks at every connection at every request: it would take hours.
        (Limit("session", 2048), Limit("httpx_transport", 2048)),
        clients=("aiohttp", "session", "httpx_transport", "httpx2", "httpx2_transport"),
    ),
    Row(
        "connect",
        "open_connection, read, close, in one process",
        "µs/connection",
        measuring.connect,
        (Target("aioxide", "uvloop", 1.15),),
        has_loops=True,
    ),
)


def select(only: str) -> tuple[Row, ...]:
    """The rows of a list such as ``http`` or ``http.json,http.tls``.

    Raises:
        ValueError: a name belongs to no row; the message says which.
    """
    names = [name.strip() for name in only.split(",") if name.strip()]
    if FAMILY in names:
        return ROWS
    return selection.choose(
        ROWS, ",".join(name.removeprefix(f"{FAMILY}.") for name in names), "row"
    )


def is_asked_for(only: str | None) -> bool:
    """Whether a list of ``--only`` names rows of HTTP clients, and nothing else.

    Raises:
        ValueError: it names both kinds.
    """
    names = [name.strip() for name in (only or "").split(",") if name.strip()]
    ours = [name == FAMILY or name.startswith(f"{FAMILY}.") for name in names]
    if any(ours) and not all(ours):
        raise ValueError("rows of HTTP clients are measured by themselves")
    return any(ours)


def find(name: str) -> Row:
    """The row called `name`.

    Raises:
        ValueError: there is none.
    """
    (row,) = select(name)
    return row
