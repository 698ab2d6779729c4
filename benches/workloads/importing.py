"""What a program pays before it runs."""

from __future__ import annotations

import subprocess
import sys

from workloads.sampling import Measurement, Sampling

PROCESSES = 10

PROGRAM = """
import asyncio, time
start = time.perf_counter()
import {loop}
print(time.perf_counter() - start)
"""


def import_beyond_asyncio(sampling: Sampling) -> Measurement:
    """Importing the loop's package where asyncio is imported already: the fastest of ten."""
    command = [sys.executable, "-c", PROGRAM.format(loop=sampling.loop)]
    seconds = [float(subprocess.check_output(command)) for _ in range(PROCESSES)]
    return Measurement(min(seconds) * 1e3, {"ms": [second * 1e3 for second in seconds]})
