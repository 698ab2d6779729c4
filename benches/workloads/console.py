"""What recording costs: the same work unrecorded, with the last events kept, and with every
event written to a file."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from workloads.echo import measure
from workloads.processes import serving
from workloads.sampling import REPEATS, Measurement, Sampling, Workload, calibrate

Body = Callable[[int], Coroutine[Any, Any, float]]

#: How many tasks are created together.
TOGETHER: Final = 1_000

MODES: Final = ("off", "on", "full")


@contextmanager
def recording(mode: str) -> Iterator[None]:
    """Records this process in one of the modes."""
    import aioxide

    if mode == "off":
        yield
    elif mode == "on":
        with aioxide.record():
            yield
    else:
        with tempfile.TemporaryDirectory() as folder:
            with aioxide.record(full=True, file=Path(folder, "run.aiotrace")):
                yield


def per_operation(body: Body, mode: str) -> Workload:
    """As ``sampling.per_operation``, recorded."""

    def workload(sampling: Sampling) -> Measurement:
        with recording(mode), sampling.runner() as runner:
            count, seconds = calibrate(lambda count: runner.run(body(count)), sampling.run_seconds)
            for _ in range(REPEATS - 1):
                seconds = min(seconds, runner.run(body(count)))
        return Measurement(seconds * 1e9, {"count": count})

    return workload


async def sleep_zero(count: int) -> float:
    """One step of a task that gives way each time."""
    sleep = asyncio.sleep
    start = perf_counter()
    for _ in range(count):
        await sleep(0)
    return (perf_counter() - start) / count


async def create_task(count: int) -> float:
    """A task that does nothing, created and awaited: two steps, one wake-up."""
    start = perf_counter()
    for _ in range(count):
        await asyncio.create_task(nothing())
    return (perf_counter() - start) / count


async def create_tasks(count: int) -> float:
    """One of 1,000 tasks that are created together and do nothing: one step, whose share of an
    iteration is small."""
    rounds = max(1, count // TOGETHER)
    start = perf_counter()
    for _ in range(rounds):
        await asyncio.wait([asyncio.create_task(nothing()) for _ in range(TOGETHER)])
    return (perf_counter() - start) / (rounds * TOGETHER)


async def nothing() -> None:
    pass


def echo_streams(mode: str) -> Workload:
    """1 KiB, 100 connections, stream readers and writers, in a server that is recorded."""

    def workload(sampling: Sampling) -> Measurement:
        with tempfile.TemporaryDirectory() as folder:
            options = {
                "off": (),
                "on": ("--record",),
                "full": ("--record-to", str(Path(folder, "run.aiotrace"))),
            }
            with serving("streams", sampling.loop, *options[mode]) as server:
                return measure(server, sampling, "--size", "1024")

    return workload


sleep_zero_off, sleep_zero_on, sleep_zero_full = (per_operation(sleep_zero, m) for m in MODES)
create_task_off, create_task_on, create_task_full = (per_operation(create_task, m) for m in MODES)
create_tasks_off, create_tasks_on, create_tasks_full = (
    per_operation(create_tasks, m) for m in MODES
)
echo_off, echo_on, echo_full = (echo_streams(mode) for mode in MODES)
