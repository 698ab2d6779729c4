"""The program in a process of its own, as a user starts it."""

import contextlib
import os
import re
import subprocess
import sys

COMMAND = [sys.executable, "-m", "aioxide_learn"]


def run(folder, *arguments, text="", check=True):
    """Run a command to its end and return what it printed, on standard output or error."""
    done = subprocess.run(
        [*COMMAND, *arguments, "--data", str(folder)],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
    )
    if check:
        assert done.returncode == 0, done.stderr
        assert not done.stderr
        return done.stdout
    return done


@contextlib.contextmanager
def served(folder, *options):
    """Run the server; yield its address and the process, and end it."""
    with subprocess.Popen(
        [*COMMAND, "--no-open", "--port", "0", "--data", str(folder), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    ) as process:
        try:
            line = process.stdout.readline()
            found = re.search(r"http://127\.0\.0\.1:\d+/", line)
            assert found, line + process.stderr.read()
            yield found[0], process
        finally:
            process.terminate()
            try:
                _, errors = process.communicate(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
    assert not errors
