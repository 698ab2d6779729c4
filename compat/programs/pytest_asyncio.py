"""pytest-asyncio: a suite as its users write them, told of the loop by the plugin's hook."""

import subprocess
import sys
from pathlib import Path

from harness.given import Given

SUITE = Path(__file__).parent / "pytest_asyncio_suite"


def main(given: Given) -> None:
    for mode, expected in (("strict", 12), ("auto", 14)):
        command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:anyio"]
        command += ["-p", "no:cacheprovider", "--asyncio-mode", mode, "--asyncio-debug"]
        command += ["-o", "asyncio_default_fixture_loop_scope=function"]
        command += ["--loop-factory", given.factory_name]
        # What has no mark is for the other mode.
        command += [str(SUITE)] + (["--ignore", str(SUITE / "test_auto.py")] * (mode == "strict"))
        done = subprocess.run(command, capture_output=True, text=True)
        print(done.stdout, done.stderr)
        assert done.returncode == 0 and f"{expected} passed" in done.stdout, done.stdout
        given.did(f"{expected} tests in {mode} mode")
