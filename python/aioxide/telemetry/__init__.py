"""Numbers about the event loops of this process, and their way into monitoring.

::

    import aioxide
    from aioxide import telemetry

    print(aioxide.metrics()["tasks"])
    telemetry.instrument_opentelemetry()   # needs opentelemetry-api
    telemetry.instrument_prometheus()      # needs prometheus_client

What has to be counted while the loop runs (iterations, delays, bytes) is counted by the recorder,
so it is there while ``aioxide.record()`` is on. Both functions switch it on.
"""

from __future__ import annotations

from ._metrics import metrics
from ._opentelemetry import instrument_opentelemetry
from ._prometheus import instrument_prometheus

__all__ = ("instrument_opentelemetry", "instrument_prometheus", "metrics")
