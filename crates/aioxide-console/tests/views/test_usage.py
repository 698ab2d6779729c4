"""What the program says of itself. Its wheel is tested in `tests/distribution/`."""

import subprocess

from conftest import PROGRAM, run


def test_help_names_the_commands_and_a_wrong_one_is_an_error():
    assert PROGRAM.exists()
    assert "convert IN OUT" in run("--help").stdout
    wrong = run("paint")
    assert wrong.returncode == 2
    assert "paint" in wrong.stderr
    assert "--help" in wrong.stderr


def test_whoever_reads_the_help_may_stop():
    with subprocess.Popen(
        [PROGRAM, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        program.stdout.close()
        assert program.stderr.read() == ""
        assert program.wait(10) == 0
