"""``aioxide trace``: a program runs as ever, and a file says what its loops did."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

PROGRAM = """
    import asyncio, sys

    async def worker(number):
        await asyncio.sleep(0.001)
        return number

    async def main():
        print(sum(await asyncio.gather(*(worker(number) for number in range(5)))), sys.argv[1:])

    asyncio.run(main())
    """


@pytest.fixture
def bare(aioxide, tmp_path):
    """Runs a command line where no ``aioxide-console`` is on the path."""
    if shutil.which("aioxide-console", path=os.path.dirname(sys.executable)):
        pytest.skip("aioxide-console is installed")
    return lambda *arguments, **options: aioxide(*arguments, env={"PATH": "/nowhere"}, **options)


@pytest.fixture
def console(aioxide, tmp_path):
    """Runs a command line where ``aioxide-console`` is a program that notes how it was called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "aioxide-console"
    program.write_text(
        f"#!{sys.executable}\n"
        "import sys, shutil\n"
        "print('console:', *sys.argv[1:])\n"
        "if sys.argv[2].endswith('missing'): sys.exit(3)\n"
        "shutil.copy(sys.argv[2], sys.argv[3])\n"
    )
    program.chmod(0o755)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return lambda *arguments: aioxide(*arguments, env={"PATH": path})


def is_trace(path):
    return path.read_bytes()[:8] == b"AIOTRACE"


@pytest.mark.parametrize("way", ["-o", "-o=", "--output", "--output="])
def test_own_form(aioxide, program, tmp_path, way):
    program(PROGRAM)
    output = {
        "-o": ["-o", "out.aiotrace"],
        "-o=": ["-oout.aiotrace"],
        "--output": ["--output", "out.aiotrace"],
        "--output=": ["--output=out.aiotrace"],
    }[way]
    finished = aioxide("trace", *output, "app.py", "one", "-o", "two")
    assert finished.stdout == "10 ['one', '-o', 'two']\n"
    assert finished.stderr == f"aioxide: wrote {tmp_path / 'out.aiotrace'}\n"
    assert finished.returncode == 0
    assert is_trace(tmp_path / "out.aiotrace")


def test_a_program_that_is_not_there_leaves_the_trace_of_an_earlier_one(aioxide, tmp_path):
    (tmp_path / "out.aiotrace").write_bytes(b"earlier")
    finished = aioxide("trace", "-o", "out.aiotrace", "misspelt.py")
    assert finished.returncode == 2
    assert "can't open file" in finished.stderr
    assert (tmp_path / "out.aiotrace").read_bytes() == b"earlier"


@pytest.mark.parametrize("command", ["trace", "ps", "tree", "completion"])
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_a_command_has_the_help_that_names_it(aioxide, command, option):
    finished = aioxide(command, option)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert f"  {command} " in finished.stdout


@pytest.mark.parametrize(
    "arguments",
    [("app.py",), ("-m", "app"), ("-c", "import app")],
)
def test_each_way_to_name_a_program(aioxide, program, tmp_path, arguments):
    program(PROGRAM)
    finished = aioxide("trace", "-o", "out.aiotrace", *arguments)
    assert finished.stdout == "10 []\n"
    assert is_trace(tmp_path / "out.aiotrace")


def test_without_the_console_there_are_two_forms(bare, program, tmp_path):
    program(PROGRAM)
    finished = bare("trace", "app.py")
    assert finished.returncode == 0
    assert finished.stderr.splitlines() == [
        f"aioxide: wrote {tmp_path / 'trace.json'}",
        f"aioxide: the trace is in {tmp_path / 'trace.html.aiotrace'}",
        "aioxide: no html file: it needs the distribution aioxide-console: "
        "pip install 'aioxide[console]'",
    ]
    assert is_trace(tmp_path / "trace.html.aiotrace")
    events = json.loads((tmp_path / "trace.json").read_text())
    assert "worker" in json.dumps(events)


def test_with_the_console_it_converts(console, program, tmp_path):
    program(PROGRAM)
    finished = console("trace", "-o", "out.svg", "app.py")
    assert finished.stdout == "10 []\n", "the program's output is its own"
    assert finished.stderr == f"aioxide: wrote {tmp_path / 'out.svg'}\n"
    assert is_trace(tmp_path / "out.svg")
    assert not (tmp_path / "out.svg.aiotrace").exists()


def test_a_page_is_what_is_written_by_default(console, program, tmp_path):
    program(PROGRAM)
    assert console("trace", "app.py").stderr == f"aioxide: wrote {tmp_path / 'trace.html'}\n"


def test_convert(console, tmp_path):
    (tmp_path / "in.aiotrace").write_text("in")
    finished = console("trace", "convert", "in.aiotrace", "out.html")
    assert finished.stdout == "console: convert in.aiotrace out.html\n"
    assert (tmp_path / "out.html").read_text() == "in"
    assert console("trace", "convert", "missing", "out.html").returncode == 3


def test_convert_needs_the_console(bare):
    finished = bare("trace", "convert", "in.aiotrace", "out.html")
    assert finished.returncode == 1
    assert "pip install 'aioxide[console]'" in finished.stderr


def test_a_failing_program_is_as_without_trace(launch, aioxide, program, tmp_path):
    program(
        """
        import asyncio

        async def main():
            await asyncio.sleep(0)
            raise LookupError("nothing found")

        asyncio.run(main())
        """
    )
    plain = aioxide("app.py")
    traced = aioxide("trace", "-o", "out.aiotrace", "app.py")
    assert traced.returncode == plain.returncode == 1
    assert traced.stderr == plain.stderr + f"aioxide: wrote {tmp_path / 'out.aiotrace'}\n"
    assert is_trace(tmp_path / "out.aiotrace")


@pytest.mark.parametrize("code", ["sys.exit(7)", "sys.exit('text')", "raise SystemExit"])
def test_exit_status(aioxide, tmp_path, code):
    plain = aioxide("-c", f"import sys; {code}")
    traced = aioxide("trace", "-o", "out.aiotrace", "-c", f"import sys; {code}")
    assert traced.returncode == plain.returncode
    assert traced.stderr.startswith(plain.stderr)


def test_what_a_killed_program_leaves(aioxide, tmp_path):
    finished = aioxide(
        "trace",
        "-o",
        "out.html",
        "-c",
        """
import asyncio, os, signal, time
async def main():
    for _ in range(1000):
        await asyncio.sleep(0)
    await asyncio.sleep(0.5)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
""",
    )
    assert finished.returncode == -signal.SIGKILL
    assert is_trace(tmp_path / "out.html.aiotrace")
    # The events of the last moment.
    assert (tmp_path / "out.html.ring").read_bytes()[:8] == b"AIORING1"


def test_control_c(tmp_path, program):
    program(
        """
        import asyncio

        async def main():
            print("ready", flush=True)
            await asyncio.sleep(30)

        asyncio.run(main())
        """
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "aioxide", "trace", "-o", "out.aiotrace", "app.py"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in errors
    assert is_trace(tmp_path / "out.aiotrace")


def test_a_forked_child_writes_nothing(aioxide, tmp_path):
    finished = aioxide(
        "trace",
        "-o",
        "out.aiotrace",
        "-c",
        "import os, sys, warnings\nwarnings.simplefilter('ignore')\n"
        "if os.fork() == 0:\n    sys.exit(0)\nos.wait()",
    )
    assert finished.stderr == f"aioxide: wrote {tmp_path / 'out.aiotrace'}\n"


def test_a_program_that_changes_its_folder(aioxide, tmp_path):
    aioxide("trace", "-o", "out.aiotrace", "-c", "import os; os.chdir('/')")
    assert is_trace(tmp_path / "out.aiotrace")


def test_other_options_work_under_it(aioxide, program, tmp_path):
    program(
        """
        import asyncio, time

        async def main():
            await asyncio.sleep(0)
            time.sleep(0.3)
            await asyncio.sleep(0.1)

        asyncio.run(main())
        """
    )
    finished = aioxide("trace", "--watch=50", "-o", "out.aiotrace", "--http", "app.py")
    assert "the event loop has been blocked" in finished.stderr
    assert is_trace(tmp_path / "out.aiotrace")


@pytest.mark.parametrize("variable", ["AIOXIDE_RECORD", "AIOXIDE_CONSOLE"])
def test_a_recording_that_the_environment_began(aioxide, program, tmp_path, variable):
    program(PROGRAM)
    arguments = ("trace", "-o", "out.aiotrace", "app.py")
    finished = aioxide(*arguments, env={variable: "1"})
    assert (finished.returncode, finished.stdout) == (0, "10 []\n")
    assert b"worker" in (tmp_path / "out.aiotrace").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("trace",), "no program given"),
        (("trace", "-o"), "argument expected for the -o option"),
        (("trace", "-o", "out.txt", "app.py"), "-o takes a file that ends with one of .html, "),
        (("trace", "--fast", "app.py"), "unknown option --fast"),
        (("trace", "convert", "in"), "trace convert takes two files: IN OUT"),
    ],
)
def test_bad_command_lines(aioxide, arguments, reason):
    finished = aioxide(*arguments)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert f"aioxide: {reason}" in finished.stderr


def test_a_folder_that_is_not_there(aioxide):
    finished = aioxide("trace", "-o", "no/such/out.html", "-c", "print('ran')")
    assert (finished.returncode, finished.stdout) == (2, "")
    assert "aioxide: cannot write" in finished.stderr
    assert "No such file or directory" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_a_file_that_is_called_like_a_command(aioxide, program):
    program("print('the file')", "trace")
    assert aioxide("./trace").stdout == "the file\n"


@pytest.mark.parametrize("option", ["--record", "--console"])
def test_options_before_the_program(aioxide, option):
    finished = aioxide(
        option,
        "-c",
        "from aioxide import console, recording\n"
        "print(recording.is_recording(), console.is_running())",
    )
    assert finished.stderr == ""
    assert finished.stdout == f"True {option == '--console'}\n"


def test_the_console_of_a_running_program_is_asked(aioxide, tmp_path, program, launch):
    program(
        """
        import asyncio

        async def waits_long():
            await asyncio.sleep(30)

        async def main():
            task = asyncio.create_task(waits_long(), name="the one")
            await asyncio.sleep(0.01)
            print("ready", flush=True)
            await task

        asyncio.run(main())
        """
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "aioxide", "--console", "app.py"],
        cwd=tmp_path,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "ready\n"
        listed = aioxide("ps", process.pid)
        assert listed.returncode == 0, listed.stderr
        assert "the one" in listed.stdout
        assert "waits_long" in listed.stdout
        assert "sleep" in listed.stdout
        tree = aioxide("tree", process.pid)
        assert "└─ the one (waits_long)" in tree.stdout
        tasks = json.loads(aioxide("ps", process.pid, "--json").stdout)
        assert {"the one"} <= {task["name"] for task in tasks}
        rows = [line.split() for line in aioxide("ps").stdout.splitlines()]
        assert [str(process.pid), "app.py"] in rows
    finally:
        process.kill()
        process.communicate()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        gone = aioxide("ps", process.pid)
        if gone.returncode == 1:
            break
    assert "Traceback" not in gone.stderr
