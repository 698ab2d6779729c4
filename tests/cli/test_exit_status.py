"""How a program ends: exit status and what is printed, as under ``python``."""

import signal
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        ("pass", 0),
        ("import sys; sys.exit()", 0),
        ("import sys; sys.exit(0)", 0),
        ("import sys; sys.exit(3)", 3),
        ("import sys; sys.exit(256 + 7)", 7),
        ("import sys; sys.exit(-1)", 255),
        ("import sys; sys.exit('what went wrong')", 1),
        ("import sys; sys.exit(['a', 'list'])", 1),
        ("raise SystemExit", 0),
        ("raise SystemExit(4)", 4),
        ("raise LookupError('nothing found')", 1),
        ("import os; os._exit(9)", 9),
        ("import asyncio, sys\nasync def main(): sys.exit(5)\nasyncio.run(main())", 5),
        ("import asyncio\nasync def main(): raise KeyError('k')\nasyncio.run(main())", 1),
    ],
)
def test_exit_status(launch, aioxide, program, ending, status):
    program(ending)
    finished = aioxide("app.py")
    assert finished.returncode == status
    expected = launch("app.py")
    assert expected.returncode == status
    assert finished.stderr.splitlines()[-1:] == expected.stderr.splitlines()[-1:]


def test_text_given_to_exit_is_printed(same, program):
    program("import sys; sys.exit('what went wrong')")
    assert same("app.py").stderr == "what went wrong\n"


def test_exit_handlers_run(same, program):
    program("import atexit; atexit.register(print, 'at exit'); print('end')")
    assert same("app.py").stdout == "end\nat exit\n"


def test_output_is_flushed(same, program):
    program("print('no newline at the end', end='')")
    assert same("app.py").stdout == "no newline at the end"


@pytest.mark.parametrize("arguments", [("missing.py",), ("no/such/folder/app.py", "argument")])
def test_missing_file(same, arguments):
    finished = same(*arguments)
    assert finished.returncode == 2
    assert "can't open file" in finished.stderr
    assert arguments[0] in finished.stderr
    assert "[Errno 2] No such file or directory" in finished.stderr


def test_folder_without_main(same, tmp_path):
    (tmp_path / "folder").mkdir()
    finished = same("folder")
    assert finished.returncode == 1
    assert "can't find '__main__' module in" in finished.stderr


@pytest.mark.parametrize("name", ["no_such_module", "no_such_package.module", "package"])
def test_missing_module(same, program, name):
    program("", "package/__init__.py")
    finished = same("-m", name)
    assert finished.returncode == 1
    assert name.partition(".")[0] in finished.stderr


def test_file_that_cannot_be_opened(same, tmp_path):
    (tmp_path / "app.py").symlink_to("app.py")
    finished = same("app.py")
    assert finished.returncode == 2
    assert "can't open file" in finished.stderr
    assert "Too many levels of symbolic links" in finished.stderr


@pytest.mark.parametrize("command", [["-m", "aioxide"], []], ids=["aioxide", "python"])
@pytest.mark.parametrize("inside", ["loop", "plain"])
def test_interrupt_ends_the_process_by_the_signal(program, command, inside):
    path = program(
        """
        import asyncio, sys, time

        async def main():
            asyncio.get_running_loop().call_soon(ready)
            await asyncio.sleep(3600)

        def ready():
            print("ready", flush=True)

        if sys.argv[1] == "loop":
            asyncio.run(main())
        else:
            ready()
            # A signal that comes just before the system call does not interrupt it.
            while True:
                time.sleep(0.1)
        """
    )
    child = subprocess.Popen(
        [sys.executable, *command, path, inside],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout.readline() == "ready\n", child.stderr.read()
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=15)
    finally:
        if child.poll() is None:
            child.kill()
            child.communicate()
    assert child.returncode == -signal.SIGINT
    assert errors.startswith("Traceback (most recent call last):\n")
    assert errors.splitlines()[-1] == "KeyboardInterrupt"
    assert "app.py" in errors
    assert "cli.py" not in errors
    assert "runpy" not in errors
