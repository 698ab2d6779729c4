"""Observable instruments of OpenTelemetry.

The names follow those that the semantic conventions have for the event loop of Node.js
(``nodejs.eventloop.*``): ``asyncio.eventloop.*``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ._metrics import metrics, quantile

__all__ = ("instrument_opentelemetry",)

_PREFIX = "asyncio.eventloop."
#: The instruments of one collection share one look at the loops.
_FRESH = 0.05


def instrument_opentelemetry(meter_provider: Any = None) -> None:
    """Make OpenTelemetry observe the loops of this process; begin to record if nothing does.

    Instruments, all observed when they are collected:

    - ``asyncio.eventloop.delay.p50``, ``.p90``, ``.p99`` (s): how long items that were ready since
      the last collection have waited for their turn; not observed if there were none.
    - ``asyncio.eventloop.step.max`` (s): the longest step or callback so far.
    - ``asyncio.eventloop.iterations`` ({iteration}), ``asyncio.eventloop.io`` (By, with
      ``asyncio.eventloop.io.direction``): counters.
    - ``asyncio.eventloop.ready``, ``.timers``, ``.transports``, ``.threads``, and ``.tasks`` with
      ``asyncio.eventloop.task.state``.

    Call it once. The delays of a collection are those since the one before, whoever collected.

    Arguments:
        meter_provider: a ``MeterProvider``; by default the global one.

    Raises:
        ImportError: the package ``opentelemetry-api`` is not installed.
    """
    from opentelemetry.metrics import Observation, get_meter

    from .. import __version__
    from ..recording import is_recording, record

    if not is_recording():
        record()
    meter = get_meter("aioxide", __version__, meter_provider)
    source = _Source()

    def observed(values: Callable[[dict[str, Any]], Iterable[tuple[Any, dict[str, str]]]]) -> Any:
        def callback(_options: Any) -> Iterator[Any]:
            for value, attributes in values(source.taken()):
                if value is not None:
                    yield Observation(value, attributes)

        return [callback]

    def gauge(name: str, unit: str, text: str, values: Any) -> None:
        meter.create_observable_gauge(_PREFIX + name, observed(values), unit, text)

    def counter(name: str, unit: str, text: str, values: Any) -> None:
        meter.create_observable_counter(_PREFIX + name, observed(values), unit, text)

    def up_down(name: str, unit: str, text: str, values: Any) -> None:
        meter.create_observable_up_down_counter(_PREFIX + name, observed(values), unit, text)

    for part in ("p50", "p90", "p99"):
        gauge(
            f"delay.{part}",
            "s",
            "How long ready items wait for their turn.",
            lambda taken, part=part: [(taken["recent"][part], {})],
        )
    gauge(
        "step.max",
        "s",
        "The longest step or callback so far.",
        lambda taken: [((taken["delay"] or {}).get("longest_step"), {})],
    )
    counter(
        "iterations", "{iteration}", "Iterations so far.", lambda taken: [(taken["iterations"], {})]
    )
    counter(
        "io",
        "By",
        "Bytes of transports.",
        lambda taken: [
            ((taken["bytes"] or {}).get(name), {_PREFIX + "io.direction": direction})
            for name, direction in (("received", "receive"), ("sent", "transmit"))
        ],
    )
    up_down(
        "tasks",
        "{task}",
        "Tasks that are not done, by state.",
        lambda taken: [
            (count, {_PREFIX + "task.state": state}) for state, count in taken["tasks"].items()
        ],
    )
    for name, unit, text in (
        ("ready", "{item}", "Items that are ready."),
        ("timers", "{timer}", "Timers that are set."),
        ("transports", "{transport}", "Open transports."),
        ("threads", "{thread}", "Threads of the loops' pools."),
    ):
        up_down(name, unit, text, lambda taken, name=name: [(taken[name], {})])


class _Source:
    """The metrics of one collection, for all instruments."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: dict[str, Any] = {}
        self._at = float("-inf")
        self._before: dict[float, int] = {}

    def taken(self) -> dict[str, Any]:
        with self._lock:
            now = time.monotonic()
            if now - self._at > _FRESH:
                self._taken = metrics()
                self._taken["recent"] = self._recent(
                    (self._taken["delay"] or {}).get("buckets", ())
                )
                self._at = time.monotonic()
            return self._taken

    def _recent(self, buckets: Iterable[tuple[float, int]]) -> dict[str, float | None]:
        counts = dict(buckets)
        # A loop that was closed takes its counts along.
        new = [(bound, max(0, n - self._before.get(bound, 0))) for bound, n in counts.items()]
        self._before = counts
        return {f"p{part}": quantile(new, part / 100) for part in (50, 90, 99)}
