"""``aioxide.metrics()``."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from .. import _aioxide
from .._loop.forking import known_loops
from ..introspect._tasks import live_tasks
from ..lints import findings

__all__ = ("metrics", "quantile")

_STATES = ("running", "ready", "waiting")


def metrics() -> dict[str, Any]:
    """Return numbers about all loops of aioxide in this process.

    Takes time in proportion to the number of tasks. May be called in any thread.

    Returns:
        A dictionary of plain data:

        - ``recording``: whether the recorder counts. What it counts is None otherwise.
        - ``loops``: the number of loops that run.
        - ``ready``, ``timers``: items that are ready, and timers that are set.
        - ``tasks``: the number of tasks by state: ``running``, ``ready`` and ``waiting``.
        - ``threads``: the threads of the loops' pools.
        - ``findings``: how often each lint has found something.
        - ``iterations``: iterations so far.
        - ``transports``: open transports.
        - ``bytes``: bytes so far: ``received`` and ``sent``.
        - ``delay``: how long ready items have waited for their turn, in seconds: ``count``,
          ``buckets`` (a list of upper bound and number, each bound twice the one before), ``p50``,
          ``p90`` and ``p99`` (upper bounds, None without a count); and ``longest_step``.
    """
    running = [loop for loop in known_loops() if loop.is_running()]
    recording = _aioxide._is_recording()
    result: dict[str, Any] = {
        "recording": recording,
        "loops": len(running),
        "ready": sum(len(loop._ready) for loop in running),
        "timers": sum(len(loop._scheduled) for loop in running),
        "tasks": _states(live_tasks()),
        "threads": sum(len(loop._pool_threads()) for loop in running),
        "findings": dict(Counter(finding.lint for finding in findings())),
        "iterations": None,
        "transports": None,
        "bytes": None,
        "delay": None,
    }
    if recording:
        result.update(_counted(json.loads(_aioxide._recorded_loops())))
    return result


def _states(tasks: Iterable[asyncio.Task[Any]]) -> dict[str, int]:
    states = dict.fromkeys(_STATES, 0)
    current: dict[int, Any] = {}
    for task in tasks:
        loop = task.get_loop()
        if id(loop) not in current:
            current[id(loop)] = asyncio.current_task(loop)
        waiter = getattr(task, "_fut_waiter", None)
        if task is current[id(loop)]:
            states["running"] += 1
        elif waiter is None or waiter.done():
            states["ready"] += 1
        else:
            states["waiting"] += 1
    return states


def _counted(loops: list[dict[str, Any]]) -> dict[str, Any]:
    """Add up what the recorder has counted of each loop."""
    buckets: Counter[int] = Counter()
    for loop in loops:
        buckets.update(dict(enumerate(loop["delays"])))
    # Bucket n counts delays from 2^n to 2^(n+1) nanoseconds.
    bounds = [(2.0 ** (n + 1) / 1e9, buckets[n]) for n in range(max(buckets, default=-1) + 1)]
    return {
        "iterations": sum(loop["iterations"] for loop in loops),
        "transports": sum(loop["transports"] for loop in loops),
        "bytes": {
            "received": sum(loop["bytes_in"] for loop in loops),
            "sent": sum(loop["bytes_out"] for loop in loops),
        },
        "delay": {
            "count": sum(count for _, count in bounds),
            "buckets": [list(each) for each in bounds],
            "p50": quantile(bounds, 0.5),
            "p90": quantile(bounds, 0.9),
            "p99": quantile(bounds, 0.99),
            "longest_step": max((loop["longest_ns"] for loop in loops), default=0) / 1e9,
        },
    }


def quantile(buckets: Iterable[tuple[float, int]], part: float) -> float | None:
    """Return the upper bound of the bucket in which that part of the counts ends.

    Arguments:
        buckets: upper bounds and counts, the smallest first.
        part: between 0 and 1.
    """
    counted = list(buckets)
    total = sum(count for _, count in counted)
    seen = 0
    for bound, count in counted:
        seen += count
        if count and seen >= part * total:
            return bound
    return None
