"""The command line: what it prints, what it refuses, and how the server ends."""

import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import time
import urllib.parse
import urllib.request

import pytest
from aioxide_learn import labs
from aioxide_learn.deck import writing
from aioxide_learn.deck.reading import schema_text
from aioxide_learn.store import cards, decks
from aioxide_learn.store.database import Database
from conftest import make_deck
from processes import COMMAND, run, served

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "tasks.json"
    path.write_bytes(writing.as_json(make_deck()))
    return path


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data"


def test_a_deck_is_imported_and_exported(folder, file, tmp_path):
    assert run(folder, "import", str(file)).startswith("Tasks: 3 added, 0 changed")
    assert run(folder, "import", str(file)).startswith("Tasks: 0 added, 0 changed, 3 as before")
    assert run(folder, "export", "Tasks") == file.read_text()
    package = tmp_path / "tasks.apkg"
    assert run(folder, "export", "Tasks", "--format", "anki", "-o", str(package)) == ""
    assert package.read_bytes().startswith(b"PK")
    assert run(folder, "export") == "# Notes\n"


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (["import", "missing.json"], 1, "aioxide-learn: missing.json: No such file or directory"),
        (["export", "None"], 1, "aioxide-learn: there is no deck 'None'; there are: "),
        (["review", "--deck", "None"], 1, "aioxide-learn: there is no deck 'None'; there are: "),
        (["lab", "start", "none"], 1, "aioxide-learn: there is no lab 'none'; there are "),
        (["lab", "check", "first-steps"], 1, "has not been started: aioxide-learn lab start"),
        (["--port", "x"], 2, "expected 0 to 65535, got 'x'"),
        (["lab"], 2, "the following arguments are required: ACTION"),
        (["nothing"], 2, "invalid choice: 'nothing'"),
    ],
)
def test_a_wrong_command_is_told(folder, arguments, status, text):
    done = run(folder, *arguments, check=False)
    assert done.returncode == status and text in done.stderr
    assert "Traceback" not in done.stderr


def test_a_data_folder_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    done = run(tmp_path / "file", "lab", "list", check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"aioxide-learn: {tmp_path}/file/learn.sqlite3: ")


def test_review_without_a_terminal_takes_a_key_a_line(folder, file):
    run(folder, "import", str(file))
    printed = run(folder, "review", "--deck", "Tasks", text="\n5\nx\n\n1\nu\nb\n\n4\nq\n")
    assert "Question 0?" in printed and "Answer 0." in printed
    assert "Perfectly: again in " in printed
    assert "undone" in printed and "buried until tomorrow" in printed
    assert printed.endswith("2 answers.\n")
    database = Database(folder)
    number = database.read(decks.number_of, "Tasks")
    found, _ = database.read(cards.find, cards.Filter(deck=number))
    database.close()
    assert [card.memory.answers for card in found] == [1, 0, 1]
    assert found[1].buried_day > 0


def test_cramming_in_the_terminal_leaves_the_schedule(folder, file):
    run(folder, "import", str(file))
    printed = run(folder, "review", "--deck", "Tasks", "--cram", text="\n5\n\n5\n\n5\n")
    assert "3 left; the schedule stays as it is" in printed and "3 answers." in printed
    database = Database(folder)
    found, _ = database.read(cards.find, cards.Filter())
    database.close()
    assert {card.memory.answers for card in found} == {0}


def test_review_in_a_terminal_takes_single_keys(folder, file):
    run(folder, "import", str(file))
    main, other = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, "review", "--deck", "Tasks", "--data", str(folder)],
        stdin=other,
        stdout=other,
        stderr=other,
        close_fds=True,
    ) as process:
        os.close(other)
        seen = b""

        def wait_for(text):
            nonlocal seen
            end = time.monotonic() + 30
            while text not in seen:
                assert select.select([main], [], [], end - time.monotonic())[0], seen
                seen += os.read(main, 4096)
            seen = seen.partition(text)[2]

        for expected, key in ((b"> ", b" "), (b"5 Perfectly", b"5"), (b"Question 1?", b"q")):
            wait_for(expected)
            os.write(main, key)
        wait_for(b"1 answer.")
        assert process.wait(10) == 0
    os.close(main)


def test_a_lab_is_started_and_checked(folder, tmp_path):
    lab = labs.all_labs()[0]
    assert lab.summary in run(folder, "lab", "list")
    work = tmp_path / "work"
    printed = run(folder, "lab", "start", lab.name, "--in", str(work))
    assert f"wrote {work}/starter.py" in printed
    assert (work / "README.md").read_text() == lab.readme
    assert "kept, as it was there already" in run(folder, "lab", "start", lab.name)
    done = run(folder, "lab", "check", lab.name, check=False)
    assert done.returncode == 1 and "FAIL" in done.stdout
    (work / "starter.py").write_text(lab.solution)
    printed = run(folder, "lab", "check", lab.name)
    assert printed.endswith("passed\n") and "█ runs" in printed
    assert "Hint 1 of" in run(folder, "lab", "hint", lab.name)
    assert "Hint 2 of" in run(folder, "lab", "hint", lab.name)
    while "There are no more hints" not in run(folder, "lab", "hint", lab.name):
        pass
    assert lab.solution in run(folder, "lab", "solution", lab.name)
    assert "passed" in run(folder, "lab", "list")


def test_a_lab_is_watched(folder, tmp_path):
    lab = labs.all_labs()[0]
    run(folder, "lab", "start", lab.name, "--in", str(tmp_path / "work"))
    with subprocess.Popen(
        [*COMMAND, "lab", "watch", lab.name, "--data", str(folder)],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        line = ""
        while "watching" not in line:
            line = process.stdout.readline()
        # The watch begins a moment after the line: the file is saved until it is seen.
        while not select.select([process.stdout], [], [], 0.3)[0]:
            (tmp_path / "work" / "starter.py").write_text(lab.solution)
        while "passed" not in line:
            line = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(15) == 130


def test_hints_are_asked_for_while_a_lab_is_watched(folder):
    lab = labs.all_labs()[0]
    run(folder, "lab", "start", lab.name)
    main, other = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, "lab", "watch", lab.name, "--data", str(folder)],
        stdin=other,
        stdout=other,
        stderr=other,
        close_fds=True,
    ) as process:
        os.close(other)
        seen = b""
        end = time.monotonic() + 30
        for expected, wish in (
            (b"watching", b"h\n"),
            (b"Hint 1 of", b"s\n"),
            (lab.solution.splitlines()[-1].encode(), b""),
        ):
            while expected not in seen:
                assert select.select([main], [], [], end - time.monotonic())[0], seen
                seen += os.read(main, 4096)
            seen = seen.partition(expected)[2]
            os.write(main, wish)
        process.send_signal(signal.SIGINT)
        assert process.wait(15) == 130
    os.close(main)


def test_the_server_listens_on_loopback_only_and_ends_with_an_open_stream(folder):
    lab = labs.all_labs()[0]
    run(folder, "lab", "start", lab.name)
    begin = time.monotonic()
    with served(folder) as (address, process):
        with urllib.request.urlopen(address, timeout=20) as response:
            assert response.status == 200
        port = int(address.rsplit(":", 1)[1].strip("/"))
        with open(f"/proc/{process.pid}/net/tcp") as table:
            listening = [row.split()[1] for row in table if f":{port:04X}" in row.split()[1]]
        assert set(listening) == {f"0100007F:{port:04X}"}
        stream = urllib.request.urlopen(f"{address}labs/{lab.name}/events", timeout=20)
        assert stream.readline() == b"retry: 1000\n"
        begin = time.monotonic()
    assert process.returncode in (0, -signal.SIGTERM)
    assert time.monotonic() - begin < 2.9
    stream.close()


def test_a_port_that_is_taken_is_named(folder):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        done = run(folder, "--no-open", "--port", str(port), check=False)
    assert done.returncode == 1
    assert done.stderr == f"aioxide-learn: port {port} of 127.0.0.1: Address already in use\n"


def test_answers_over_http_survive_kill_9(folder, file):
    run(folder, "import", str(file))
    given = set()
    for _ in range(5):
        process = subprocess.Popen(
            [*COMMAND, "--no-open", "--port", "0", "--data", str(folder)], stdout=subprocess.PIPE
        )
        with process:
            try:
                address = process.stdout.readline().decode().split()[1]
                given.update(answer_some(address, 2))
            finally:
                process.kill()
    database = Database(folder)
    kept = database.read(lambda found: found.execute("SELECT count(*) FROM review").fetchone()[0])
    database.close()
    assert kept == len(given) == 10


def answer_some(address, count):
    """Grade cards by HTTP; return what was acknowledged."""
    done = []
    with urllib.request.urlopen(f"{address}review", timeout=20) as response:
        text = response.read().decode()
    token = re.search(r'"X-Token": "([^"]+)"', text)[1]
    for _ in range(count):
        form = re.search(r'<form hx-post="/review/answer".*?</form>', text, re.DOTALL)[0]
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))
        fields.update(grade="1", token=token)
        body = urllib.parse.urlencode(fields).encode()
        request = urllib.request.Request(f"{address}review/answer", body)
        with urllib.request.urlopen(request, timeout=20) as response:
            text = response.read().decode()
        done.append((fields["card"], fields["version"]))
    return done


def test_the_published_schema_is_that_of_the_page(folder):
    with served(folder) as (address, _):
        with urllib.request.urlopen(f"{address}deck.schema.json", timeout=20) as response:
            assert json.load(response) == json.loads(schema_text())
