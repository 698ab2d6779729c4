"""``aioxide ps``, ``tree`` and ``top``, against a console that the test plays."""

import contextlib
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading

import pytest
from aioxide.cli import _listing

TASKS = [
    {
        "id": 1,
        "name": "main",
        "coroutine": "main",
        "created": "app.py:12",
        "parent": 0,
        "loop": 1,
        "state": "running",
        "waits_for": None,
        "waiting_ns": 0,
        "busy_ns": 1_500_000,
        "steps": 3,
        "age_ns": 2_000_000_000,
    },
    {
        "id": 2,
        "name": "evil\x1b[2J\nname",
        "coroutine": "worker",
        "created": "app.py:20",
        "parent": 1,
        "loop": 1,
        "state": "waiting",
        "waits_for": {"kind": "lock", "id": 7, "text": "a lock that task 'main' has"},
        "waiting_ns": 1_000_000_000,
        "busy_ns": 900,
        "steps": 1,
        "age_ns": 1_999_000_000,
    },
]
GREETING = {"aioxide": "0.1.0", "wire": 1, "pid": 0, "argv": ["app.py", "x"], "python": "3.13"}


def frame(value, kind=0):
    payload = value if isinstance(value, bytes) else json.dumps(value).encode()
    return struct.pack("<IB", len(payload), kind) + payload


def answers(request):
    """What a console of these tasks answers."""
    if request["ask"] == "tree":
        return TASKS
    offset, limit = request["offset"], request["limit"]
    chosen = [task for task in TASKS if request["filter"] in task["name"] + task["coroutine"]]
    return {"total": len(chosen), "tasks": chosen[offset : offset + min(limit, 1)]}


@pytest.fixture
def folder():
    # Short: the path of a socket has at most 107 bytes.
    made = tempfile.mkdtemp(dir="/tmp")
    yield made
    shutil.rmtree(made)


@pytest.fixture
def console(folder):
    """Serves one client per entry: ``console(greeting=…, answer=function)``; returns the PID."""
    os.mkdir(os.path.join(folder, "aioxide"), 0o700)
    with contextlib.ExitStack() as stack:

        def serve(greeting=None, answer=answers, pid=None):
            pid = os.getpid() if pid is None else pid
            if greeting is None:
                greeting = frame({**GREETING, "pid": pid})
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(os.path.join(folder, "aioxide", f"{pid}.sock"))
            listener.listen()

            def run():
                while True:
                    try:
                        connection, _ = listener.accept()
                    except OSError:
                        return
                    with connection, contextlib.suppress(OSError):
                        connection.settimeout(10)
                        connection.sendall(greeting)
                        while head := connection.recv(5, socket.MSG_WAITALL):
                            length, _ = struct.unpack("<IB", head)
                            request = json.loads(connection.recv(length, socket.MSG_WAITALL))
                            result = answer(request)
                            if result is None:
                                break
                            made = result if isinstance(result, bytes) else frame(result)
                            connection.sendall(made)

            thread = threading.Thread(target=run)
            thread.start()
            stack.callback(thread.join, 10)
            stack.callback(listener.shutdown, socket.SHUT_RDWR)
            return pid

        yield serve


@pytest.fixture
def command(folder, aioxide):
    """Runs the command line where the console's socket is looked for in the test's folder."""
    return lambda *arguments: aioxide(*arguments, env={"XDG_RUNTIME_DIR": folder})


def test_ps_lists_the_tasks(console, command):
    finished = command("ps", console())
    assert (finished.returncode, finished.stderr) == (0, "")
    header, first, second = finished.stdout.splitlines()
    assert header.split() == "ID NAME COROUTINE STATE FOR BUSY STEPS AGE CREATED".split()
    assert first.split() == "1 main main running 1.5 ms 3 2.0 s app.py:12".split()
    assert "waits for a lock that task 'main' has" in second
    assert "evil\\x1b[2J\\nname" in second
    assert "\x1b" not in finished.stdout


def test_ps_stands_in_columns_and_calls_a_task_one(console, command):
    long = "lock made at /home/me/projects/shop/source/package/orders.py:1234"
    waits = {"kind": "lock", "id": 9, "text": long}, {"kind": "task", "id": 2, "text": "fetch 3"}
    tasks = [
        {"id": number, "name": "a", "state": "waiting", "steps": 17, "waits_for": wait}
        for number, wait in enumerate(waits, 1)
    ]
    answer = {"total": 2, "tasks": tasks}
    finished = command("ps", console(answer=lambda request: answer))
    header, first, second = finished.stdout.splitlines()
    assert f"waits for {long}" in first
    assert "waits for task fetch 3 " in second
    assert header.index("STEPS") == first.index("17") == second.index("17")


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [(12, "12 ns"), (1_500_000, "1.5 ms"), (5e9, "5.0 s"), (95.6e9, "1m 35s"), (7261e9, "2h 01m")],
)
def test_ps_tells_long_times_as_top_does(nanoseconds, text):
    assert _listing._time(nanoseconds) == text


def test_ps_says_that_there_is_no_console(monkeypatch, capsys):
    monkeypatch.setattr(_listing, "consoles", list)
    assert _listing.ps([]) == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert "start one by `aioxide --console app.py`" in told.err
    assert _listing.ps(["--json"]) == 0
    assert capsys.readouterr() == ("[]\n", "")


def test_ps_as_json(console, command):
    assert json.loads(command("ps", console(), "--json").stdout) == TASKS


def test_ps_filters_in_the_other_process(console, command):
    finished = command("ps", console(), "--json", "--filter=worker", "--sort=name")
    assert [task["id"] for task in json.loads(finished.stdout)] == [2]


def test_ps_without_a_process_lists_the_consoles(console, command):
    pid = console()
    lines = command("ps").stdout.splitlines()
    assert [str(pid), "app.py", "x"] in [line.split() for line in lines]
    # Those of other programs on this machine are listed as well: /tmp is searched, too.
    listed = [each["pid"] for each in json.loads(command("ps", "--json").stdout)]
    assert listed.count(pid) == 1


def test_tree_nests_by_parent(console, command):
    finished = command("tree", console())
    assert finished.stdout.splitlines() == [
        "main (main) running",
        "└─ evil\\x1b[2J\\nname (worker) waits for a lock that task 'main' has",
    ]


def test_tree_whose_parents_form_a_circle_ends(console, command):
    circle = [{"id": 1, "name": "a", "parent": 2}, {"id": 2, "name": "b", "parent": 1}]
    finished = command("tree", console(answer=lambda request: circle))
    assert finished.returncode == 0


def test_a_process_that_is_gone(command):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    finished = command("ps", gone.pid)
    assert (finished.returncode, finished.stdout) == (1, "")
    assert finished.stderr == f"aioxide: there is no process {gone.pid}\n"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell")
@pytest.mark.parametrize("left", [False, True])
def test_a_process_that_has_ended_and_was_not_waited_for(command, folder, left):
    ended = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    try:
        # Without a wait for it, so that it stays a zombie.
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        if left:
            path = os.path.join(folder, "aioxide", f"{ended.pid}.sock")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with socket.socket(socket.AF_UNIX) as socket_:
                socket_.bind(path)
        finished = command("ps", ended.pid)
    finally:
        ended.stdout.close()
        ended.wait()
    assert (finished.returncode, finished.stdout) == (1, "")
    assert finished.stderr == (
        f"aioxide: process {ended.pid} has ended, but its parent has not waited for it\n"
    )


@pytest.mark.parametrize("which", ["ps", "tree"])
def test_a_process_without_a_console(command, which):
    finished = command(which, os.getpid())
    assert finished.returncode == 1
    assert (
        f"process {os.getpid()} has no console: start it by `aioxide --console`" in finished.stderr
    )
    assert "Traceback" not in finished.stderr


def test_a_socket_that_its_process_has_left(console, command, folder):
    path = os.path.join(folder, "aioxide", f"{os.getpid()}.sock")
    left = socket.socket(socket.AF_UNIX)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    left.bind(path)
    left.close()
    finished = command("ps", os.getpid())
    assert finished.returncode == 1
    assert "has no console" in finished.stderr


def test_another_version_of_the_wire(console, command):
    finished = command("ps", console(greeting=frame({**GREETING, "aioxide": "9.9", "wire": 7})))
    assert finished.returncode == 1
    assert "runs aioxide 9.9, whose console speaks version 7; this is version 1" in finished.stderr


@pytest.mark.parametrize(
    "greeting",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\xff" * 100,
        frame(b"[1, 2"),
        frame([1]),
        frame({"pid": 1}),
        frame(b"[" * 100_000),
        frame(GREETING, kind=1),
        struct.pack("<IB", 2**32 - 1, 0),
    ],
)
def test_what_is_no_console(console, command, greeting):
    finished = command("ps", console(greeting=greeting))
    assert finished.returncode == 1
    assert "is not the console of aioxide" in finished.stderr
    assert "Traceback" not in finished.stderr


@pytest.mark.parametrize(
    "answer",
    [b"", frame({"total": 5, "tasks": "many"}), frame([]), frame({"total": 1, "tasks": [3]})],
)
def test_answers_that_are_none(console, command, answer):
    finished = command("ps", console(answer=lambda request: answer or None))
    assert finished.returncode == 1
    assert finished.stderr.startswith("aioxide: ")
    assert "Traceback" not in finished.stderr


def test_refusal(console, command):
    finished = command("ps", console(answer=lambda request: {"error": "not now"}))
    assert (finished.returncode, finished.stderr) == (
        1,
        f"aioxide: process {os.getpid()} refuses: not now\n",
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("ps", "none"), "'none' is no PID"),
        (("ps", "-5"), "unknown option -5 of ps"),
        (("ps", "99999999999999"), "'99999999999999' is no PID"),
        (("ps", "1", "2"), "ps takes one PID, not '2' as well"),
        (("ps", "1", "--sort=size"), "--sort takes one of age, "),
        (("tree",), "tree needs the PID"),
        (("tree", "1", "--sort=name"), "unknown option --sort=name of tree"),
        (("completion", "csh"), "completion takes one of bash, zsh, fish, not csh"),
    ],
)
def test_bad_command_lines(command, arguments, reason):
    finished = command(*arguments)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert f"aioxide: {reason}" in finished.stderr
    assert "usage: " in finished.stderr


def test_top_needs_another_distribution(command, monkeypatch):
    if shutil.which("aioxide-console"):
        pytest.skip("aioxide-console is installed")
    finished = command("top")
    assert finished.returncode == 1
    assert "pip install 'aioxide[console]'" in finished.stderr


def test_top_becomes_the_console_program(aioxide, tmp_path):
    program = tmp_path / "aioxide-console"
    program.write_text('#!/bin/sh\necho "console: $*"\nexit 7\n')
    program.chmod(0o755)
    if shutil.which("aioxide-console"):
        pytest.skip("aioxide-console is installed")
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    finished = aioxide("top", "--web", "123", env={"PATH": path})
    assert (finished.returncode, finished.stdout) == (7, "console: top --web 123\n")


def test_a_file_that_is_called_like_a_command(aioxide, program):
    program("print('the file')", "ps")
    assert aioxide("./ps").stdout == "the file\n"
