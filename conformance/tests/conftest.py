"""A small test package that stands in CPython's place while the harness is tested."""

import sys
import textwrap
import threading
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from harness import loops
from harness.outcomes import ModuleOutcome
from harness.supervision import Assignment, run_module


@pytest.fixture
def run_tests(tmp_path, monkeypatch):
    """Runs the given source as the module test_sample of test.test_asyncio."""

    def run(
        source: str, *, loop: str = loops.UNTOUCHED, deadline: float = 20.0, only=(), stop=None
    ) -> ModuleOutcome:
        package = tmp_path / "test" / "test_asyncio"
        package.mkdir(parents=True)
        (package.parent / "__init__.py").touch()
        (package / "__init__.py").touch()
        (package / "test_sample.py").write_text(
            "import asyncio, os, signal, threading, unittest\n" + textwrap.dedent(source)
        )
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        log = tmp_path / "log" / "test_sample.log"
        return run_module(
            Assignment("test_sample", loop, deadline, only, log, stop or threading.Event())
        )

    return run
