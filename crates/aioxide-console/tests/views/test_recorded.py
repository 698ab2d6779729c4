"""A program that ran: ``aioxide trace`` through the recorder, and what the views make of it."""

import json
import os
import subprocess
import sys

from conftest import PROGRAM

WORKERS = """
import asyncio

async def worker(places):
    async with places:
        await asyncio.sleep(0.01)

async def main():
    places = asyncio.Semaphore(5)
    async with asyncio.TaskGroup() as group:
        for number in range(50):
            group.create_task(worker(places), name=f"worker {number}")

asyncio.run(main())
"""


def test_fifty_recorded_workers_are_ten_batches_of_five(tmp_path):
    (tmp_path / "workers.py").write_text(WORKERS)
    path = os.pathsep.join([str(PROGRAM.parent), os.environ["PATH"]])
    subprocess.run(
        [sys.executable, "-m", "aioxide", "trace", "-o", "run.aiotrace", "workers.py"],
        cwd=tmp_path,
        env=os.environ | {"PATH": path},
        check=True,
        timeout=60,
    )
    for out in ("run.html", "run.json"):
        subprocess.run(
            [PROGRAM, "convert", "run.aiotrace", out], cwd=tmp_path, check=True, timeout=60
        )
    assert "worker 49" in (tmp_path / "run.html").read_text()
    events = json.loads((tmp_path / "run.json").read_text())["traceEvents"]
    sleeps = [e for e in events if e["name"] == "waiting: sleep"]
    queued = [e for e in events if e["name"] == "waiting: semaphore"]
    assert len(sleeps) == 50
    assert len(queued) == 45
    # Five at a time, and each batch begins when the one before has ended.
    sleeps.sort(key=lambda e: e["ts"])
    batches = [sleeps[first : first + 5] for first in range(0, 50, 5)]
    for before, batch in zip(batches, batches[1:], strict=False):
        assert min(e["ts"] for e in batch) >= max(e["ts"] + e["dur"] for e in before) - 1_000
    numbers = [int(e["args"]["task"].removeprefix("worker ")) for e in sleeps]
    assert [sorted(numbers[first : first + 5]) for first in range(0, 50, 5)] == [
        list(range(first, first + 5)) for first in range(0, 50, 5)
    ]
