"""The instruments of OpenTelemetry and the collector of Prometheus, read by these packages."""

# OpenTelemetry imports it. By then libffi opens its own file, which stays open: before the test.
import ctypes  # noqa: F401

import aioxide
import pytest
from aioxide import telemetry


async def work():
    sleeping = aioxide.create_task(aioxide.sleep(50))
    for _ in range(50):
        await aioxide.sleep(0)
    return sleeping


def test_opentelemetry(recording):
    export = pytest.importorskip("opentelemetry.sdk.metrics.export")
    sdk = pytest.importorskip("opentelemetry.sdk.metrics")
    reader = export.InMemoryMetricReader()
    provider = sdk.MeterProvider(metric_readers=[reader])
    telemetry.instrument_opentelemetry(provider)

    async def main():
        sleeping = await work()
        data = reader.get_metrics_data()
        sleeping.cancel()
        return data

    data = aioxide.run(main())
    provider.shutdown()
    (scope,) = data.resource_metrics[0].scope_metrics
    assert scope.scope.name == "aioxide"
    found = {metric.name: metric for metric in scope.metrics}
    points = {name: list(metric.data.data_points) for name, metric in found.items()}
    assert points["asyncio.eventloop.iterations"][0].value >= 50
    assert found["asyncio.eventloop.iterations"].data.is_monotonic
    assert found["asyncio.eventloop.delay.p99"].unit == "s"
    assert 0 < points["asyncio.eventloop.delay.p99"][0].value < 10
    tasks = {
        point.attributes["asyncio.eventloop.task.state"]: point.value
        for point in points["asyncio.eventloop.tasks"]
    }
    assert tasks == {"running": 1, "ready": 0, "waiting": 1}
    directions = {
        point.attributes["asyncio.eventloop.io.direction"]
        for point in points["asyncio.eventloop.io"]
    }
    assert directions == {"receive", "transmit"}
    for name in ("ready", "timers", "transports", "threads", "step.max"):
        assert len(points[f"asyncio.eventloop.{name}"]) == 1


def test_prometheus(recording):
    prometheus = pytest.importorskip("prometheus_client")
    registry = prometheus.CollectorRegistry()
    collector = telemetry.instrument_prometheus(registry)

    async def main():
        sleeping = await work()
        text = prometheus.generate_latest(registry).decode()
        sleeping.cancel()
        return text

    text = aioxide.run(main())
    from prometheus_client.parser import text_string_to_metric_families

    families = {family.name: family for family in text_string_to_metric_families(text)}
    value = {
        (sample.name, *sample.labels.values()): sample.value
        for family in families.values()
        for sample in family.samples
    }
    assert value["asyncio_eventloop_iterations_total",] >= 50
    assert value["asyncio_eventloop_tasks", "waiting"] == 1
    assert families["asyncio_eventloop_delay_seconds"].type == "histogram"
    assert (
        value["asyncio_eventloop_delay_seconds_bucket", "+Inf"]
        == value["asyncio_eventloop_delay_seconds_count",]
        > 0
    )
    assert value["asyncio_eventloop_io_bytes_total", "sent"] == 0
    with pytest.raises(ValueError):
        telemetry.instrument_prometheus(registry)
    registry.unregister(collector)


def test_exporters_begin_to_record(run_script):
    pytest.importorskip("prometheus_client")
    finished = run_script(
        """
        import aioxide
        from aioxide import telemetry

        telemetry.instrument_prometheus()

        async def main():
            await aioxide.sleep(0)
            print(aioxide.metrics()["recording"])

        aioxide.run(main())
        """
    )
    assert (finished.stdout, finished.stderr) == ("True\n", "")


@pytest.mark.parametrize(
    ("function", "package"),
    [("instrument_opentelemetry", "opentelemetry"), ("instrument_prometheus", "prometheus_client")],
)
def test_what_is_not_installed(run_script, function, package):
    finished = run_script(
        f"""
        import sys
        sys.modules[{package!r}] = None
        from aioxide import telemetry
        try:
            telemetry.{function}()
        except ImportError as error:
            print(error.name)
        """
    )
    assert finished.stdout.startswith(package)
