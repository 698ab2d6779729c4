"""The figure of the rows that have a server."""

import subprocess
import sys
from contextlib import contextmanager

import pytest
import rows
from sample import measure
from workloads import echo
from workloads.processes import Server
from workloads.sampling import Sampling

ECHO_ROWS = [row for row in rows.ROWS if row.workload.startswith("echo.")]

#: A server that idled half of the time, because the generator was the limit.
REPORT = {
    "served": 40_000,
    "requests": 30_000,
    "requests_per_second": 10_000.0,
    "latency_us": {"p50": 64.0},
    "server_seconds": 2.0,
    "server_busy": 0.5,
}

SPIN_THEN_WAIT = """
import sys, time
while time.process_time() < 0.1:
    pass
print(time.process_time(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def served(monkeypatch):
    @contextmanager
    def serving(style, loop, *options):
        yield Server(1, "127.0.0.1:7")

    monkeypatch.setattr(echo, "serving", serving)
    monkeypatch.setattr(echo, "load", lambda server, *options: dict(REPORT))


@pytest.mark.parametrize("row", ECHO_ROWS, ids=lambda row: row.name)
def test_the_figure_is_what_was_served_in_a_second_of_the_servers_time(served, row):
    measurement = measure(row, Sampling("asyncio"))
    assert measurement.value == 20_000
    assert measurement.details == REPORT
    assert row.quantity.unit.endswith("/cpu-s") and row.quantity.higher_is_better


def test_no_other_row_but_the_web_servers_is_counted_by_the_servers_time():
    by_server = [row for row in rows.ROWS if row.quantity.unit.endswith("/cpu-s")]
    assert [row for row in by_server if row not in ECHO_ROWS] == [rows.find("aiohttp")]


@pytest.mark.skipif(sys.platform != "linux", reason="servers are measured on Linux only")
def test_processor_time_is_what_the_process_itself_sees():
    command = [sys.executable, "-c", SPIN_THEN_WAIT]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        seen = float(process.stdout.readline())
        used = Server(process.pid, "").processor_seconds()
    # It waits after it has told; half a second is far more than printing takes.
    assert 0.1 <= seen <= used < seen + 0.5
