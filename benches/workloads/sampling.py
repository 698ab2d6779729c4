"""What a workload is given and what it returns."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import loops

#: How often a calibrated count is repeated; the fastest is kept, because what
#: disturbs a measurement only ever makes it slower.
REPEATS = 3


@dataclass(frozen=True)
class Sampling:
    """The loop to measure, and how patiently."""

    loop: str
    #: Seconds that a repeated run of a counted workload has to last.
    run_seconds: float = 0.3
    #: Seconds of load that are not measured, and that are.
    warmup_seconds: float = 1.0
    load_seconds: float = 3.0

    @classmethod
    def quick(cls, loop: str) -> Sampling:
        """Short enough to try something; noisier."""
        return cls(loop, run_seconds=0.1, warmup_seconds=0.3, load_seconds=1.0)

    def runner(self) -> asyncio.Runner:
        """A runner on a new loop of this kind, to be used as a context manager."""
        return asyncio.Runner(loop_factory=functools.partial(loops.new_event_loop, self.loop))


@dataclass(frozen=True)
class Measurement:
    """A number in the row's unit, and whatever explains it."""

    value: float
    details: dict[str, Any] = field(default_factory=dict)


#: What fills a row.
Workload = Callable[[Sampling], Measurement]


def per_operation(
    body: Callable[[int], Coroutine[Any, Any, float]],
) -> Workload:
    """Makes a workload of `body`, which does something `count` times.

    `body` returns the seconds of one operation. The count is raised until a
    call lasts `Sampling.run_seconds`; the measurement is the fastest of
    `REPEATS` such calls, in nanoseconds.
    """

    @functools.wraps(body)
    def workload(sampling: Sampling) -> Measurement:
        with sampling.runner() as runner:
            count, seconds = calibrate(lambda count: runner.run(body(count)), sampling.run_seconds)
            for _ in range(REPEATS - 1):
                seconds = min(seconds, runner.run(body(count)))
        return Measurement(seconds * 1e9, {"count": count})

    return workload


def calibrate(run: Callable[[int], float], least_seconds: float) -> tuple[int, float]:
    """Finds a count with which `run` lasts `least_seconds` or longer.

    Returns the count and what `run` returned for it.
    """
    count = 1
    while True:
        start = time.perf_counter()
        result = run(count)
        elapsed = time.perf_counter() - start
        if elapsed >= least_seconds:
            return count, result
        # A tenth more than should do; never more than tenfold at once, since a
        # short run says little about a long one.
        wanted = 1.1 * least_seconds / max(elapsed, 1e-9)
        count = max(count + 1, round(count * min(wanted, 10)))
