"""Programs in a process of their own, which end with something left over."""

import os
import subprocess
import sys
import textwrap

import pytest

DEADLINE = 20  # seconds

# `asyncio` is the side under test.
START = """
import importlib, sys
asyncio = importlib.import_module(sys.argv[1])
"""


class Ended:
    """How a program ended."""

    def __init__(self, status, output, errors):
        self.status = status
        self.output = output
        self.errors = errors


@pytest.fixture
def run_program(kind, tmp_path):
    """Runs a program: ``run_program(source, *options)``, options are the interpreter's.

    The program is a file, so that its lines are in tracebacks.
    """

    def run(source, *options):
        path = tmp_path / "program.py"
        path.write_text(START + textwrap.dedent(source))
        done = subprocess.run(
            [sys.executable, *options, str(path), kind],
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            env={**os.environ, "PYTHONWARNINGS": ""},
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    return run
