"""The rows of the benchmark: what is measured, in what unit, with what target.

A new row is one entry here and one function in ``workloads/``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import selection
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
IMPORT: Final = Quantity("ms")
GROWTH: Final = Quantity("×")


@dataclass(frozen=True)
class Target:
    """aioxide is to be at least `factor` times as good as `peer`."""

    peer: str
    factor: float

    def __str__(self) -> str:
        return f"{self.factor:g} × {self.peer}"


@dataclass(frozen=True)
class Share:
    """aioxide is to use at most `factor` times what `peer` uses."""

    peer: str
    factor: float

    def __str__(self) -> str:
        return f"≤ {self.factor:g} × {self.peer}"


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
    targets: tuple[Target | Share | Limit, ...] = ()
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
        (Target("uvloop", 5), Target("rloop", 1.4)),
    ),
    Row("call_soon, 1,000 at once", "scheduling.call_soon_batch", TIME),
    Row("await sleep(0)", "scheduling.sleep_zero", TIME, times_uvloop(6)),
    Row("future set by call_soon, awaited", "scheduling.future", TIME, times_uvloop(5)),
    Row("asyncio.create_task, awaited", "tasks.create_task", TIME, times_uvloop(5)),
    Row("loop.create_task, awaited", "tasks.loop_create_task", TIME, times_uvloop(4)),
    Row("gather of 10,000, per task", "tasks.gather", TIME, times_uvloop(5)),
    Row("TaskGroup of 10,000, per task", "tasks.task_group", TIME, times_uvloop(4)),
    Row("cancelling 2,000 tasks, per task", "tasks.cancel", TIME, times_uvloop(4)),
    Row("call_later and cancel", "timers.call_later_cancel", TIME, times_uvloop(5)),
    Row("async with timeout(10)", "timers.timeout", TIME, times_uvloop(5)),
    Row("wait_for(…, 10)", "timers.wait_for", TIME, times_uvloop(5)),
    Row(
        "adding a timer: 1,000,000 pending / 1,000",
        "scaling.million_timers",
        GROWTH,
        (Limit(2),),
    ),
    Row("queue, put and get in one task", "synchronisation.queue", TIME, times_uvloop(5)),
    Row("queue with room for one, handed over", "synchronisation.queue_handoff", TIME),
    Row("two tasks over two queues", "synchronisation.queue_pair", TIME, times_uvloop(5)),
    Row("lock, free", "synchronisation.lock", TIME, (Target("asyncio", 2),)),
    Row(
        "semaphore of 5, shared by 500 tasks",
        "synchronisation.semaphore",
        TIME,
        times_uvloop(5),
    ),
    Row("event with 10,000 waiters, per waiter", "synchronisation.event", TIME, times_uvloop(5)),
    Row("to_thread, there and back", "threads.to_thread", TIME, times_uvloop(2)),
    Row(
        "create_subprocess_exec('/bin/true')",
        "children.create_subprocess_exec",
        TIME,
        (Target("uvloop", 5), Target("rloop", 1.1)),
    ),
    Row(
        "echo 1 KiB, 100 connections, Protocol",
        "echo.echo_protocol",
        REQUESTS,
        (Target(FLOOR, 0.95),),
        has_floor=True,
    ),
    Row(
        "echo 1 KiB, 100 connections, streams",
        "echo.echo_streams",
        REQUESTS,
        (Target("uvloop", 1.3), Target(FLOOR, 0.9)),
        has_floor=True,
    ),
    Row(
        "echo 1 KiB, 100 connections, sock_*",
        "echo.echo_sock",
        REQUESTS,
        (Target(FLOOR, 0.8),),
        has_floor=True,
    ),
    Row(
        "echo 1 KiB, 100 connections, Protocol, TLS",
        "echo.echo_tls",
        REQUESTS,
        times_uvloop(1.5),
        without=("rloop",),  # its create_server() refuses ssl=
    ),
    Row("readline of 64-byte lines", "echo.readline", LINES, times_uvloop(5)),
    Row("the same, each line written back by itself", "echo.readline_echo", LINES),
    Row(
        "connect, one message, close",
        "echo.connect_close",
        CONNECTIONS,
        times_uvloop(1.2),
        has_floor=True,
    ),
    Row("aiohttp server, wrk, 100 connections", "web.aiohttp", REQUESTS, times_uvloop(1.1)),
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
        (Share("asyncio", 0.6),),
    ),
    Row(
        "import, beyond asyncio's own",
        "importing.import_beyond_asyncio",
        IMPORT,
        (Limit(10),),
        without=("asyncio",),
    ),
)


OTHERS: Final = ("asyncio", "uvloop", "rloop")

#: What recording costs. They are run when they are named, together as ``console``; a full
#: run compares loops.
CONSOLE: Final = tuple(
    Row(f"{title}, {mode}", f"console.{name}_{suffix}", quantity, without=OTHERS)
    for title, name, quantity in (
        ("await sleep(0)", "sleep_zero", TIME),
        ("asyncio.create_task, awaited", "create_task", TIME),
        ("a task of 1,000 that are created together", "create_tasks", TIME),
        ("echo 1 KiB, 100 connections, streams", "echo", REQUESTS),
    )
    for mode, suffix in (
        ("not recorded", "off"),
        ("last events kept", "on"),
        ("every event written", "full"),
    )
)


#: The rows that the README shows.
SHORT: Final = ("create_task", "gather", "queue_pair", "echo_streams", "echo_tls", "aiohttp")


def select(only: str | None) -> tuple[Row, ...]:
    """The rows of a comma-separated list of names, or those that compare loops for ``None``.

    ``console`` stands for the rows of what recording costs.

    Raises:
        ValueError: a name belongs to no row; the message says which.
    """
    if only is None:
        return ROWS
    console = ",".join(row.name for row in CONSOLE)
    names = [console if name.strip() == "console" else name for name in only.split(",")]
    return selection.choose((*ROWS, *CONSOLE), ",".join(names), "row")


def find(name: str) -> Row:
    """The row called `name`.

    Raises:
        ValueError: there is none.
    """
    if "," in name:
        raise ValueError(f"one row is wanted, not {name!r}")
    (row,) = select(name)
    return row
