"""How one number comes about."""

import asyncio
import time

import pytest
import rows
import run
from sample import measure
from workloads import sampling


def spin(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def test_calibration_finds_a_count_that_lasts_long_enough(monkeypatch):
    counts = []
    now = 0.0
    monkeypatch.setattr(time, "perf_counter", lambda: now)

    def run_for(count):
        nonlocal now
        counts.append(count)
        now += count * 1e-5
        return float(count)

    count, result = sampling.calibrate(run_for, 0.01)
    assert count == counts[-1] == result
    assert count * 1e-5 >= 0.01
    assert counts == sorted(set(counts))


def test_calibration_of_something_slow_is_a_single_run():
    assert sampling.calibrate(lambda count: spin(0.002), 0.001) == (1, None)


def test_a_counted_workload_is_the_fastest_of_its_repeats():
    returned = iter([3e-6, 1e-6, 2e-6])

    @sampling.per_operation
    async def workload(count):
        spin(0.002)
        return next(returned)

    measurement = workload(sampling.Sampling("asyncio", run_seconds=0.001))
    assert measurement.value == pytest.approx(1000)
    assert measurement.details == {"count": 1}


def test_a_counted_workload_runs_on_the_loop_it_is_given():
    seen = []

    @sampling.per_operation
    async def workload(count):
        seen.append(type(asyncio.get_running_loop()))
        spin(0.002)
        return 1.0

    workload(sampling.Sampling("asyncio", run_seconds=0.001))
    assert set(seen) == {type(asyncio.new_event_loop())}


@pytest.mark.parametrize(
    "name",
    [row.name for row in rows.ROWS if row.quantity is rows.TIME],
)
def test_every_timed_workload_measures_something(name):
    measurement = measure(rows.find(name), sampling.Sampling("asyncio", run_seconds=0.001))
    # From a nanosecond to a tenth of a second, on any machine.
    assert 1 < measurement.value < 1e8


def test_a_failed_sample_says_why():
    sample = run.take(rows.find("sleep_zero"), "floor", quick=True)
    assert sample.value is None
    assert "floor" in sample.error
