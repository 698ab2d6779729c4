"""What is made of the words of wrk."""

import subprocess

import pytest
from workloads import web
from workloads.processes import Server

GOOD = """Running 3s test @ http://127.0.0.1:7/
  1 threads and 100 connections
  48127 requests in 3.01s, 7.71MB read
Requests/sec:  15989.02
"""


@pytest.fixture
def told(monkeypatch):
    """Runs wrk as if it had said this, and returns what is made of it."""

    def run(output):
        done = subprocess.CompletedProcess([], 0, stdout=output)
        monkeypatch.setattr(web, "load_core", lambda: 0)
        monkeypatch.setattr(web.subprocess, "run", lambda *args, **options: done)
        return web.requests(Server(1, "127.0.0.1:7"), ["wrk"], {})

    return run


def test_all_that_was_answered_counts(told):
    assert told(GOOD) == 48127


@pytest.mark.parametrize(
    "line",
    [
        "Socket errors: connect 0, read 3, write 0, timeout 0",
        "Non-2xx or 3xx responses: 12",
    ],
)
def test_an_answer_that_went_wrong_is_a_failure(told, line):
    with pytest.raises(RuntimeError, match=line):
        told(f"{GOOD}  {line}\n")
