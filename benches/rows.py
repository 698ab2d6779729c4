"""The rows of the benchmark: what is measured, in what unit, with what target.

A new row is one entry here and one function in ``workloads/``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from loops import FLOOR


@dataclass(frozen=True)
class Quantity:
    """What a row's number is."""

    unit: str
    higher_is_better: bool = False


TIME: Final = Quantity("ns")
REQUESTS: Final = Quantity("req/cpu-s", higher_is_better=True)
LINES: Final = Quantity("lines/cpu-s", higher_is_better=True)
CONNECTIONS: Final = Quantity("conn/cpu-s", higher_is_better=True)
MEMORY: Final = Quantity("bytes")
GROWTH: Final = Quantity("×")


@dataclass(frozen=True)
class Target:
    """aioxide is to be at least `factor` times as good as `peer`."""

    peer: str
    factor: float

    def __str__(self) -> str:
        return f"{self.factor:g} × {self.peer}"


@dataclass(frozen=True)
class Limit:
    """aioxide's own number is to be at most `value`."""

    value: float

    def __str__(self) -> str:
        return f"≤ {self.value:g}"


@dataclass(frozen=True)
class Row:
    """One line of the table.

    `workload` is ``module.function`` below ``workloads``; the last part is also
    the row's name on the command line. `without` are the loops that cannot do it.
    """

    title: str
    workload: str
    quantity: Quantity
    targets: tuple[Target | Limit, ...] = ()
    has_floor: bool = False
    without: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What ``--only`` calls the row."""
        return self.workload.rpartition(".")[2]

    def competitors(self, loops: Sequence[str]) -> tuple[str, ...]:
        """Those of `loops` that can do it, and the floor where the row has one."""
        able = tuple(loop for loop in loops if loop not in self.without)
        return (*able, FLOOR) if self.has_floor else able


def times_uvloop(factor: float) -> tuple[Target, ...]:
    return (Target("uvloop", factor),)


ROWS: Final = (
    Row(
        "call_soon, each schedules the next",
        "scheduling.call_soon",
        TIME,
        (Target("uvloop", 4), Target("rloop", 1.2)),
    ),
    Row("call_soon, 1,000 at once", "scheduling.call_soon_batch", TIME),
    Row("await sleep(0)", "scheduling.sleep_zero", TIME, times_uvloop(4)),
    Row("future set by call_soon, awaited", "scheduling.future", TIME, times_uvloop(4)),
    Row("asyncio.create_task, awaited", "tasks.create_task", TIME, times_uvloop(4)),
    Row("loop.create_task, awaited", "tasks.loop_create_task", TIME, times_uvloop(4)),
    Row("gather of 10,000, per task", "tasks.gather", TIME),
    Row("call_later and cancel", "timers.call_later_cancel", TIME, times_uvloop(4)),
    Row("async with timeout(10)", "timers.timeout", TIME),
    Row(
        "adding a timer: 1,000,000 pending / 1,000",
        "scaling.million_timers",
        GROWTH,
        (Limit(2),),
    ),
    Row("queue, put and get in one task", "synchronisation.queue", TIME),
    Row("queue, handed between two tasks", "synchronisation.queue_handoff", TIME),
    Row("lock, free", "synchronisation.lock", TIME),
    Row("semaphore of 10, shared by 100 tasks", "synchronisation.semaphore", TIME),
    Row("to_thread, there and back", "threads.to_thread", TIME),
    Row(
        "echo 1 KiB, 100 connections, Protocol",
        "echo.echo_protocol",
        REQUESTS,
        (Target("uvloop", 1), Target(FLOOR, 0.85)),
        has_floor=True,
    ),
    Row(
        "echo 1 KiB, 100 connections, streams",
        "echo.echo_streams",
        REQUESTS,
        times_uvloop(1),
        has_floor=True,
    ),
    Row(
        "echo 1 KiB, 100 connections, sock_*",
        "echo.echo_sock",
        REQUESTS,
        times_uvloop(3),
        has_floor=True,
    ),
    Row(
        "echo 1 KiB, 100 connections, Protocol, TLS",
        "echo.echo_tls",
        REQUESTS,
        without=("rloop",),  # its create_server() refuses ssl=
    ),
    Row("readline of 64-byte lines", "echo.readline", LINES),
    Row("connect, one message, close", "echo.connect_close", CONNECTIONS, has_floor=True),
    Row(
        "memory of an idle connection, of 10,000",
        "memory.idle_connection",
        MEMORY,
        times_uvloop(1),
    ),
    Row(
        "memory of a waiting task, of 100,000",
        "memory.pending_task",
        MEMORY,
        times_uvloop(1),
    ),
)


def select(only: str | None) -> tuple[Row, ...]:
    """The rows of a comma-separated list of names, or all of them for ``None``.

    Raises:
        ValueError: a name belongs to no row; the message says which.
    """
    if only is None:
        return ROWS
    names = [name.strip() for name in only.split(",") if name.strip()]
    known = [row.name for row in ROWS]
    for name in names:
        if name not in known:
            raise ValueError(f"no row is called {name!r}; there are {', '.join(known)}")
    if not names:
        raise ValueError("the list of rows is empty")
    return tuple(row for row in ROWS if row.name in names)


def find(name: str) -> Row:
    """The row called `name`.

    Raises:
        ValueError: there is none.
    """
    if "," in name:
        raise ValueError(f"one row is wanted, not {name!r}")
    (row,) = select(name)
    return row
