"""Programs that block their loop, each in a process of its own, and what is reported of them."""

import json
import os
import textwrap

import pytest


@pytest.fixture(autouse=True)
def aioxide_is_wanted():
    """The watchdog has no counterpart in the standard library."""
    wanted = os.environ.get("AIOXIDE_TEST_LOOPS")
    if wanted and "aioxide" not in wanted.split(","):
        pytest.skip(f"AIOXIDE_TEST_LOOPS={wanted} leaves aioxide out")


#: Collects the records as JSON lines on standard output; `report()` prints them.
PRELUDE = """
import asyncio, json, logging, sys, time
import aioxide

class Records(logging.Handler):
    def __init__(self):
        super().__init__()
        self.found = []

    def emit(self, record):
        finding = getattr(record, "finding", None)
        self.found.append({
            "at": time.monotonic(),
            "text": record.getMessage(),
            "line": finding and finding.place and finding.place.line,
            "function": finding and finding.place and finding.place.function,
            "fix": finding and finding.fix,
            "seconds": finding and finding.seconds,
        })

records = Records()
logger = logging.getLogger("aioxide.watchdog")
logger.addHandler(records)
logger.propagate = False

async def until(count):
    "Wait until so many records have come."
    deadline = time.monotonic() + 10
    while len(records.found) < count and time.monotonic() < deadline:
        await asyncio.sleep(0.005)

def report(**more):
    print(json.dumps({"records": records.found, **more}))
"""


@pytest.fixture
def watched(run_script, tmp_path):
    """Runs a program below the prelude: ``watched(source)`` gives ``(result, process)``."""

    def run(source, *arguments, **options):
        # From a file: up to 3.12 the source of `python -c` is not to be had for a report.
        program = tmp_path / "program.py"
        program.write_text(PRELUDE + textwrap.dedent(source))
        start = f"import runpy; runpy.run_path({str(program)!r}, run_name='__main__')"
        finished = run_script(start, *arguments, **options)
        assert finished.returncode == 0, finished.stderr
        return json.loads(finished.stdout.splitlines()[-1]), finished

    return run
