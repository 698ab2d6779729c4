"""The options of the command line itself, and of the ``aioxide`` console script."""

import shutil
import subprocess
import sys
import sysconfig
from importlib import metadata

import pytest


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_version(aioxide, option):
    finished = aioxide(option)
    assert finished.returncode == 0
    assert finished.stderr == ""
    assert f"aioxide {metadata.version('aioxide')}" in finished.stdout
    assert ".".join(map(str, sys.version_info[:3])) in finished.stdout


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help(aioxide, option):
    finished = aioxide(option)
    assert finished.returncode == 0
    assert finished.stderr == ""
    assert finished.stdout.lower().startswith("usage:")
    for mentioned in ("-m", "-c", "--http", "--keep-loops", "--web", "--version", "--help"):
        assert mentioned in finished.stdout


def test_no_arguments_shows_the_usage(aioxide):
    finished = aioxide()
    assert finished.returncode == 2
    assert finished.stdout == ""
    assert "usage:" in finished.stderr.lower()


@pytest.mark.parametrize("option", ["--no-such-option", "-q", "--versions"])
def test_unknown_option_is_named(aioxide, option):
    finished = aioxide(option, "app.py")
    assert finished.returncode == 2
    assert finished.stdout == ""
    assert option in finished.stderr
    assert "Traceback" not in finished.stderr


@pytest.mark.parametrize("option", ["-m", "-c"])
def test_option_without_its_argument(launch, aioxide, option):
    finished = aioxide(option)
    assert finished.returncode == 2 == launch(option).returncode
    assert f"argument expected for the {option} option" in finished.stderr.lower()
    assert "Traceback" not in finished.stderr


def test_options_after_the_program_belong_to_the_program(aioxide, program):
    program("import sys; print(sys.argv[1:])")
    assert aioxide("app.py", "--version", "-h").stdout == "['--version', '-h']\n"


def console_script():
    path = shutil.which("aioxide", path=sysconfig.get_path("scripts"))
    assert path, "the console script `aioxide' is not installed"
    return path


def test_console_script_runs_a_program(program):
    path = program(
        """
        import asyncio, sys

        async def main():
            print(sys.argv, type(asyncio.get_running_loop()).__module__.partition(".")[0])

        asyncio.run(main())
        """
    )
    finished = subprocess.run(
        [console_script(), "app.py", "one"],
        cwd=path.parent,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert finished.stderr == ""
    assert finished.stdout == "['app.py', 'one'] aioxide\n"
    assert finished.returncode == 0


def test_console_script_puts_the_programs_folder_on_the_path(program):
    program("value = 42", "deep/neighbour.py")
    path = program("import neighbour, sys; print(neighbour.value, sys.path[0])", "deep/app.py")
    finished = subprocess.run([console_script(), path], capture_output=True, text=True, timeout=20)
    assert finished.stdout == f"42 {path.parent}\n"


def test_console_script_and_missing_file(tmp_path):
    finished = subprocess.run(
        [console_script(), "missing.py"], cwd=tmp_path, capture_output=True, text=True, timeout=20
    )
    assert finished.returncode == 2
    assert f"can't open file '{tmp_path}/missing.py'" in finished.stderr


def test_console_script_hides_its_own_frames(program):
    path = program("raise LookupError('nothing found')")
    finished = subprocess.run([console_script(), path], capture_output=True, text=True, timeout=20)
    expected = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=20)
    assert finished.stderr == expected.stderr
    assert finished.returncode == expected.returncode == 1
