"""A collector for ``prometheus_client``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ._metrics import metrics

__all__ = ("instrument_prometheus",)

_PREFIX = "asyncio_eventloop_"


def instrument_prometheus(registry: Any = None) -> Any:
    """Register a collector of the loops of this process; begin to record if nothing does.

    Metrics: ``asyncio_eventloop_delay_seconds`` (a histogram of how long ready items have waited
    for their turn; its sum is an estimate, since only buckets are counted),
    ``_step_max_seconds``, ``_iterations_total``, ``_io_bytes_total`` (by ``direction``),
    ``_ready``, ``_timers``, ``_transports``, ``_threads``, ``_tasks`` (by ``state``) and
    ``_findings_total`` (by ``lint``).

    Arguments:
        registry: a ``CollectorRegistry``; by default the global one.

    Returns:
        The collector, for ``registry.unregister()``.

    Raises:
        ImportError: the package ``prometheus_client`` is not installed.
        ValueError: a collector is registered there already.
    """
    from prometheus_client import REGISTRY

    from ..recording import is_recording, record

    if not is_recording():
        record()
    collector = _Collector()
    (REGISTRY if registry is None else registry).register(collector)
    return collector


class _Collector:
    """Makes the metric families when somebody asks."""

    def describe(self) -> Iterator[Any]:
        """Let the registry know the names, so that it refuses a second collector."""
        return self.collect()

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import (
            CounterMetricFamily,
            GaugeMetricFamily,
            HistogramMetricFamily,
        )

        taken = metrics()
        for name, text in (
            ("ready", "Items that are ready."),
            ("timers", "Timers that are set."),
            ("transports", "Open transports."),
            ("threads", "Threads of the loops' pools."),
        ):
            if taken[name] is not None:
                yield GaugeMetricFamily(_PREFIX + name, text, value=taken[name])
        tasks = GaugeMetricFamily(_PREFIX + "tasks", "Tasks that are not done.", labels=["state"])
        for state, count in taken["tasks"].items():
            tasks.add_metric([state], count)
        yield tasks
        found = CounterMetricFamily(_PREFIX + "findings", "What lints found.", labels=["lint"])
        for lint, count in taken["findings"].items():
            found.add_metric([lint], count)
        yield found
        if not taken["recording"]:
            return
        yield CounterMetricFamily(_PREFIX + "iterations", "Iterations.", value=taken["iterations"])
        moved = CounterMetricFamily(
            _PREFIX + "io_bytes", "Bytes of transports.", labels=["direction"]
        )
        moved.add_metric(["received"], taken["bytes"]["received"])
        moved.add_metric(["sent"], taken["bytes"]["sent"])
        yield moved
        delay = taken["delay"]
        yield GaugeMetricFamily(
            _PREFIX + "step_max_seconds", "The longest step so far.", value=delay["longest_step"]
        )
        buckets, total, weighted = [], 0, 0.0
        for bound, count in delay["buckets"]:
            total += count
            # From half the bound on: three quarters of it is the middle.
            weighted += count * bound * 0.75
            buckets.append((repr(bound), total))
        buckets.append(("+Inf", total))
        yield HistogramMetricFamily(
            _PREFIX + "delay_seconds",
            "How long ready items wait for their turn.",
            buckets=buckets,
            sum_value=weighted,
        )
