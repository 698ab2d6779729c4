"""Do the examples do what they say, on the standard loop and on aioxide?"""

import os
import pathlib
import subprocess
import sys

import pytest

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"

PRINTED = {
    "fetch_many": """\
status 200: 100 pages
status 404: 1 pages
the last page: This is page 99.
""",
    "limit_with_semaphore": """\
served: 50
at the same time: never more than 5: True
""",
    "producer_consumer": """\
items: 600
each of them once: True
in the queue at a time: never more than 10: True
""",
    "timeouts_and_errors": """\
answer: all is well
never_answer: no answer in time
hang_up: hung up after b'all is w'
nobody: not there
""",
    "retry_flaky_service": """\
decorator: welcome
attempt 3: welcome
in vain: TurnedAway('busy')
  attempt 1 failed: TurnedAway('busy')
  attempt 2 failed: TurnedAway('busy')
""",
}


def test_every_example_is_here():
    assert sorted(path.stem for path in EXAMPLES.glob("*.py")) == sorted(PRINTED)


@pytest.mark.parametrize("name", PRINTED)
def test_an_example(kind, name):
    through = ["-m", "aioxide"] if kind == "aioxide" else []
    finished = subprocess.run(
        [sys.executable, "-W", "always", *through, str(EXAMPLES / f"{name}.py")],
        env={key: value for key, value in os.environ.items() if key != "PYTHONASYNCIODEBUG"},
        capture_output=True,
        text=True,
        timeout=25,
    )
    assert finished.stderr == ""
    assert finished.stdout == PRINTED[name]
    assert finished.returncode == 0
