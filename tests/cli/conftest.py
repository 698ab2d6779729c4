"""Fixtures for the command line: the same program under ``python`` and under aioxide."""

import os
import subprocess
import sys
import textwrap

import pytest


@pytest.fixture(autouse=True)
def aioxide_is_wanted():
    """The command line has no counterpart in the standard library to run instead."""
    wanted = os.environ.get("AIOXIDE_TEST_LOOPS")
    if wanted and "aioxide" not in wanted.split(","):
        pytest.skip(f"AIOXIDE_TEST_LOOPS={wanted} leaves aioxide out")


@pytest.fixture
def program(tmp_path):
    """Writes a source file below the test's folder: ``program(source, name="app.py")``."""

    def write(source, name="app.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source))
        return path

    return write


#: Debug builds of the interpreter show these warnings unless they are told otherwise.
QUIET = (
    {"PYTHONWARNINGS": "ignore::ResourceWarning,ignore::ImportWarning"}
    if hasattr(sys, "gettotalrefcount")
    else {}
)


@pytest.fixture
def launch(tmp_path):
    """Runs an interpreter in the test's folder: ``launch(*arguments, input="", env={})``."""

    def run_python(*arguments, input="", env=None, deadline=20.0):
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        if "PYTHONPATH" in os.environ:
            inherited["PYTHONPATH"] = os.environ["PYTHONPATH"]
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=tmp_path,
            # Consoles of this test: those of other runs are elsewhere.
            env={**inherited, **QUIET, "XDG_RUNTIME_DIR": str(tmp_path), **(env or {})},
            input=input,
            capture_output=True,
            text=True,
            timeout=deadline,
        )

    return run_python


@pytest.fixture
def aioxide(launch):
    """Runs ``python -m aioxide`` with these arguments."""

    def run_aioxide(*arguments, **options):
        return launch("-m", "aioxide", *arguments, **options)

    return run_aioxide


@pytest.fixture
def same(launch, aioxide):
    """Runs a command line under ``python`` and under aioxide; both must end alike.

    Compares exit status, standard output and standard error, and returns aioxide's.
    """

    def run_both(*arguments, **options):
        expected = launch(*arguments, **options)
        finished = aioxide(*arguments, **options)
        assert finished.stdout == expected.stdout
        assert finished.stderr == expected.stderr
        assert finished.returncode == expected.returncode
        return finished

    return run_both
