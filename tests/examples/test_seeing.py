"""Do the programs of ``examples/seeing`` have their faults, on the standard loop and on aioxide?"""

import pathlib
import subprocess
import sys

import pytest

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples" / "seeing"

PRINTED = {
    "blocking_sleep": "the heart stood still for 0.3 s: True\n",
    "sequential_awaits": """\
one_after_the_other: eight sleeps
at_the_same_time: less than eight sleeps
""",
    "swallowed_cancellation": "cancelled: 0, still running: 1\n",
    "two_locks": "done: 0, waiting for each other: 2\n",
    "unbounded_queue": "items: 200; in the queue at once: more than half: True\n",
}


def test_every_program_is_here():
    assert sorted(path.stem for path in EXAMPLES.glob("*.py")) == sorted(PRINTED)


@pytest.mark.parametrize("name", PRINTED)
def test_a_program_has_its_fault(kind, name):
    through = ["-m", "aioxide"] if kind == "aioxide" else []
    finished = subprocess.run(
        [sys.executable, "-W", "always", *through, str(EXAMPLES / f"{name}.py")],
        capture_output=True,
        text=True,
        timeout=25,
        check=False,
    )
    assert finished.stderr == ""
    assert finished.stdout == PRINTED[name]
    assert finished.returncode == 0
