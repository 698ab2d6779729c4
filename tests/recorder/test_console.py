"""The console's socket: what a client is told, and what it cannot break."""

import asyncio
import json
import os
import random
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from _asyncio import Task as StandardTask

import aioxide
import pytest
from aioxide import console
from recorder.console_client import Client, socket_path
from recorder.trace_file import TraceFile, read

MAGIC = b"AIOTRACE" + struct.pack("<I", 1)


@pytest.fixture(autouse=True)
def runtime_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@pytest.fixture
def served(runtime_folder):
    """Runs ``main(ask)`` with the console; ``await ask(question)`` asks in another thread."""

    def run(main):
        console.start()
        try:
            with Client(os.getpid()) as client:

                def ask_a_loop_that_waits(question, arguments):
                    # The step that asks is over when the loop waits for this thread.
                    while any(loop["now"] for loop in client.ask("loops")):
                        pass
                    return client.ask(question, **arguments)

                async def ask(question, **arguments):
                    return await aioxide.to_thread(ask_a_loop_that_waits, question, arguments)

                with aioxide.Runner(loop_factory=aioxide.new_event_loop) as runner:
                    return runner.run(main(ask))
        finally:
            console.stop()
            aioxide.record().stop()

    return run


def test_the_socket_is_this_user_s_alone(tmp_path):
    try:
        path = console.start()
        assert path == str(socket_path(os.getpid()))
        assert console.start() == path
        assert console.is_running()
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700
    finally:
        console.stop()
        aioxide.record().stop()
    assert not console.is_running()
    assert not os.path.exists(path)
    console.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_another_user_is_told_nothing(monkeypatch):
    """Even if somebody has opened the folder and the socket to all."""
    nobody = 65534
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chmod(folder, 0o711)
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        path = console.start()
        try:
            os.chmod(os.path.dirname(path), 0o711)
            os.chmod(path, 0o666)
            read_end, write_end = os.pipe()
            child = os.fork()
            if child == 0:
                try:
                    os.setgid(nobody)
                    os.setuid(nobody)
                    with socket.socket(socket.AF_UNIX) as client:
                        client.settimeout(10)
                        client.connect(path)
                        os.write(write_end, b"received %r" % client.recv(100))
                except BaseException as error:
                    os.write(write_end, repr(error).encode())
                finally:
                    os._exit(0)
            os.close(write_end)
            with open(read_end, "rb") as answer:
                assert answer.read() in (
                    b"received b''",
                    b"ConnectionResetError(104, 'Connection reset by peer')",
                )
            os.waitpid(child, 0)
            with Client(os.getpid()) as client:
                assert client.greeting["pid"] == os.getpid(), "and it goes on"
        finally:
            console.stop()
            aioxide.record().stop()


def test_a_folder_that_others_may_enter_is_refused(tmp_path):
    (tmp_path / "aioxide").mkdir(mode=0o755)
    (tmp_path / "aioxide").chmod(0o755)
    with pytest.raises(PermissionError, match="mode 0755"):
        console.start()
    aioxide.record().stop()


def test_a_socket_that_a_killed_process_left_is_replaced(tmp_path):
    (tmp_path / "aioxide").mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(socket_path(os.getpid())))
    try:
        console.start()
        with Client(os.getpid()) as client:
            assert client.greeting["pid"] == os.getpid()
    finally:
        console.stop()
        aioxide.record().stop()


def test_the_greeting_says_who_it_is(served):
    async def main(ask):
        with Client(os.getpid()) as client:
            return client.greeting

    greeting = served(main)
    assert greeting["aioxide"] == aioxide.__version__
    assert (greeting["wire"], greeting["pid"]) == (1, os.getpid())
    assert greeting["argv"] == sys.argv
    assert greeting["python"].startswith(f"{sys.version_info.major}.")


def test_tasks_with_their_states(served):
    async def main(ask):
        aioxide.current_task().set_name("main")
        sleeper = aioxide.create_task(aioxide.sleep(60), name="sleeper")
        await aioxide.sleep(0)
        answer = await ask("tasks", sort="name")
        sleeper.cancel()
        return answer

    answer = served(main)
    tasks = {task["name"]: task for task in answer["tasks"]}
    assert answer["total"] == len(tasks) == 2
    sleeper, main_ = tasks["sleeper"], tasks["main"]
    assert (sleeper["state"], sleeper["waits_for"]["kind"]) == ("waiting", "sleep")
    assert sleeper["coroutine"] == "sleep"
    assert sleeper["parent"] == main_["id"]
    assert sleeper["created"].startswith(__file__ + ":")
    assert (main_["state"], main_["waits_for"]["kind"]) == ("waiting", "thread")
    assert main_["coroutine"].endswith("<locals>.main")
    assert main_["steps"] == 2
    assert sleeper["idle_ns"] >= sleeper["waiting_ns"] > 0
    assert main_["busy_ns"] > 0
    assert sleeper["age_ns"] >= sleeper["idle_ns"]


@pytest.mark.parametrize("descending", [False, True])
def test_a_page_of_many_tasks(served, descending):
    async def main(ask):
        tasks = [aioxide.create_task(aioxide.sleep(60), name=f"t{n:03}") for n in range(200)]
        await aioxide.sleep(0)
        page = await ask("tasks", sort="name", descending=descending, offset=10, limit=5)
        filtered = await ask("tasks", filter="T19", sort="age")
        beyond = await ask("tasks", offset=10**9, limit=10**9)
        everything = await ask("tree")
        for task in tasks:
            task.cancel()
        return page, filtered, beyond, everything

    page, filtered, beyond, everything = served(main)
    assert page["total"] == 201
    names = [task["name"] for task in page["tasks"]]
    expected = [f"t{n:03}" for n in range(200)]
    if descending:
        assert names == expected[::-1][10:15]
    else:
        assert names == expected[9:14]  # Task-N of main stands before them.
    assert filtered["total"] == 10
    assert {task["name"] for task in filtered["tasks"]} == {f"t19{n}" for n in range(10)}
    assert (beyond["total"], beyond["tasks"]) == (201, [])
    ids = [task["id"] for task in everything]
    assert len(ids) == 201
    assert all(task["parent"] in {0, ids[0]} for task in everything)


def test_the_tree_is_cut_where_the_client_has_enough(served):
    async def parent(number):
        child = aioxide.create_task(aioxide.sleep(60), name=f"child {number}")
        await child

    async def main(ask):
        aioxide.current_task().set_name("main")
        tasks = [aioxide.create_task(parent(n), name=f"parent {n}") for n in range(3)]
        await aioxide.sleep(0)
        answers = [
            await ask("tree"),
            await ask("tree", limit=3),
            await ask("tree", filter="CHILD 1"),
            await ask("tree", filter="nothing"),
            await ask("tree", limit=0),
        ]
        for task in tasks:
            task.cancel()
        return [[task["name"] for task in answer] for answer in answers]

    whole, cut, filtered, *empty = served(main)
    below_main = [f"{kind} {n}" for n in range(3) for kind in ("parent", "child")]
    assert whole == ["main", *below_main]
    assert cut == whole[:3]
    assert filtered == ["main", "parent 1", "child 1"]
    assert empty == [[], []]


@pytest.mark.parametrize("sort", ["busy", "idle", "scheduled", "steps", "longest", "age", "name"])
def test_every_order(served, sort):
    async def main(ask):
        return await ask("tasks", sort=sort, descending=True)

    assert served(main)["total"] == 1


def test_loops_with_what_they_do(served):
    async def main(ask):
        await aioxide.sleep(0.001)
        aioxide.get_running_loop().call_later(60, print)
        answer = await ask("loops")
        while answer[0]["timers"] != 1:
            # It was just about to count them.
            answer = await ask("loops")
        return answer

    (loop,) = served(main)
    assert loop["running"]
    assert (loop["threads_busy"], loop["threads_idle"]) == (1, 0)
    assert loop["thread"] == threading.get_native_id()
    assert loop["iterations"] >= 2
    assert loop["timers"] == 1
    assert sum(loop["delays"]) >= 2
    assert loop["longest_ns"] > 0
    assert (loop["now"], loop["blocked_by"]) == (None, None)


def block_for_a_while():
    time.sleep(0.05)


async def block():
    aioxide.current_task().set_name("culprit")
    block_for_a_while()


def test_the_longest_step_has_the_name_of_its_task_when_that_is_forgotten(served):
    async def empty():
        pass

    async def main(ask):
        await aioxide.create_task(block())
        for _ in range(20_000):  # More than the events kept: its record is another task's now.
            await aioxide.create_task(empty())
        tasks = (await ask("tasks"))["tasks"]
        return (await ask("loops"))[0], {task["id"] for task in tasks}

    loop, alive = served(main)
    assert loop["longest_ns"] >= 50_000_000
    assert loop["longest_task"] not in alive | {0}
    assert (loop["longest_name"], loop["longest_coroutine"]) == ("culprit", "block")
    assert loop["longest_location"].startswith(f"{__file__}:")


def test_the_longest_step_has_the_name_that_its_task_has_now(served):
    async def main(ask):
        task = aioxide.current_task()
        task.set_name("before")
        block_for_a_while()
        await aioxide.sleep(0)
        task.set_name("after")
        return (await ask("loops"))[0]

    loop = served(main)
    assert loop["longest_name"] == "after"
    assert loop["longest_coroutine"].endswith("<locals>.main")


def test_the_longest_step_may_be_a_callback(served):
    async def main(ask):
        aioxide.get_running_loop().call_soon(block_for_a_while)
        await aioxide.sleep(0)
        return (await ask("loops"))[0]

    loop = served(main)
    assert loop["longest_ns"] >= 50_000_000
    assert (loop["longest_task"], loop["longest_coroutine"]) == (0, "")
    assert loop["longest_name"] == "block_for_a_while"
    assert loop["longest_location"].startswith(f"{__file__}:")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="3.12 has eager tasks first")
def test_a_first_step_that_runs_at_once_counts_for_a_task_of_asyncio_s_own_class(served):
    async def work():
        block_for_a_while()
        await aioxide.sleep(60)

    async def main(ask):
        loop = aioxide.get_running_loop()
        task = StandardTask(work(), loop=loop, name="eager", eager_start=True)
        (found,) = (await ask("tasks", filter="eager"))["tasks"]
        task.cancel()
        return found

    found = served(main)
    assert found["steps"] == 1
    assert found["longest_ns"] == found["busy_ns"] >= 50_000_000
    assert found["scheduled_ns"] == 0


def test_a_blocked_loop_is_seen_and_says_by_what(served):
    async def main(ask):
        aioxide.current_task().set_name("culprit")
        answers = []

        def look():
            with Client(os.getpid()) as client:
                while not (answers and answers[-1]["blocked_by"]):
                    answers[:] = client.ask("loops")

        thread = threading.Thread(target=look)
        thread.start()
        while thread.is_alive():
            time.sleep(0.01)  # The loop is blocked, and other threads get the GIL.
        return answers[0]

    loop = served(main)
    assert loop["now"]["name"] == "culprit"
    assert loop["now"]["since_ns"] >= 100_000_000
    assert "culprit" in loop["blocked_by"]
    assert __file__ in loop["blocked_by"]


def test_a_loop_that_is_blocked_by_a_callback_says_of_what(served):
    answers = []

    def look_while_blocked(task):
        with Client(os.getpid()) as client:
            answers.extend(client.ask("loops"))

    async def main(ask):
        waits = aioxide.create_task(aioxide.sleep(60), name="victim")
        await aioxide.sleep(0)
        aioxide.get_running_loop().call_soon(look_while_blocked, waits)
        await aioxide.sleep(0)
        waits.cancel()

    served(main)
    name = "test_a_loop_that_is_blocked_by_a_callback_says_of_what.<locals>.look_while_blocked"
    assert answers[0]["now"]["name"] == f"{name} of victim"


BUSY_WITH_THE_GIL = """
import ctypes, os, sys, threading
import aioxide
from aioxide import console

async def hog():
    print("ready", flush=True)
    # A function of C that keeps the GIL.
    ctypes.PyDLL(None).usleep(int(float(sys.argv[1]) * 1e6))

console.start()
aioxide.run(hog())
"""


def test_the_console_answers_while_c_code_has_the_gil(tmp_path):
    program = subprocess.Popen(
        [sys.executable, "-c", BUSY_WITH_THE_GIL, "4"], stdout=subprocess.PIPE, text=True
    )
    with program:
        assert program.stdout.readline() == "ready\n"
        with Client(program.pid) as client:
            deadline = time.monotonic() + 3
            (loop,) = client.ask("loops")
            while loop["blocked_by"] is None and time.monotonic() < deadline:
                (loop,) = client.ask("loops")
            (task,) = client.ask("tasks")["tasks"]
            stack = client.ask("stack", task=task["id"])
            cancelled = client.ask("cancel", task=task["id"])
    assert task["state"] == "running"
    assert "hog" in loop["now"]["location"] or loop["now"]["location"].startswith("<string>:")
    assert stack["frames"] == []
    assert "holds the GIL" in stack["unavailable"]
    assert "Task-1" in stack["unavailable"]
    assert not cancelled["ok"]
    assert "holds the GIL" in cancelled["refused"]


def test_the_await_stack_of_a_sleeper(served):
    async def outer():
        await inner()

    async def inner():
        await aioxide.sleep(60)

    async def main(ask):
        task = aioxide.create_task(outer(), name="Dozer")
        await aioxide.sleep(0)
        (found,) = (await ask("tasks", filter="dozer"))["tasks"]
        answer = await ask("stack", task=found["id"])
        task.cancel()
        return answer

    answer = served(main)
    assert answer["unavailable"] is None
    functions = [frame["function"].rpartition(".")[2] for frame in answer["frames"]]
    assert functions[:2] == ["outer", "inner"]
    assert answer["frames"][0]["file"] == __file__


def test_a_task_is_cancelled(served):
    async def main(ask):
        task = aioxide.create_task(aioxide.sleep(60), name="victim")
        await aioxide.sleep(0)
        (found,) = (await ask("tasks", filter="victim"))["tasks"]
        answer = await ask("cancel", task=found["id"])
        with pytest.raises(asyncio.CancelledError):
            await task
        return answer

    assert served(main) == {"ok": True, "refused": None}


def test_a_task_of_asyncios_own_class_is_shown_and_cancelled(served):
    async def waits():
        await aioxide.Event().wait()

    async def main(ask):
        task = StandardTask(waits(), loop=asyncio.get_running_loop(), name="standard")
        await aioxide.sleep(0)
        (found,) = (await ask("tasks", filter="standard"))["tasks"]
        stack = await ask("stack", task=found["id"])
        answer = await ask("cancel", task=found["id"])
        with pytest.raises(asyncio.CancelledError):
            await task
        left = (await ask("tasks", filter="standard"))["tasks"]
        return found, stack, answer, left

    found, stack, answer, left = served(main)
    assert (found["state"], found["waits_for"]["kind"]) == ("waiting", "event")
    assert stack["frames"][0]["function"].endswith("waits")
    assert answer == {"ok": True, "refused": None}
    assert left == []


def test_a_task_that_is_gone_has_no_stack_and_cannot_be_cancelled(served):
    async def main(ask):
        return await ask("stack", task=10**12), await ask("cancel", task=10**12)

    stack, cancel = served(main)
    assert stack["unavailable"] == "there is no task 1000000000000"
    assert cancel == {"ok": False, "refused": "there is no task 1000000000000"}


def test_a_recording_is_written_where_the_client_says(served, tmp_path):
    path = tmp_path / "asked.aiotrace"

    async def main(ask):
        return await ask("dump", path=str(path)), await ask("dump", path="relative.aiotrace")

    answer, refused = served(main)
    assert answer["path"] == str(path)
    assert answer["events"] == len(read(path).events) > 0
    assert refused["error"] == "relative.aiotrace: the path is not absolute"


def test_events_come_as_chunks_each_once(served):
    async def main(ask):
        data = MAGIC
        arguments = {}
        for _ in range(3):
            with Client(os.getpid()) as client:
                answer = client.ask("events", **arguments)
                for _ in range(answer["frames"]):
                    data += client.receive()
            arguments = answer["next"]
            await aioxide.create_task(aioxide.sleep(0), name="between")
        return data

    trace = TraceFile(served(main))
    assert trace.rest == 0
    timed = [event.ticks for event in trace.events if event.ticks]
    assert timed == sorted(timed)
    assert {step.task for step in trace.events if type(step).__name__ == "Step"} <= set(trace.tasks)
    assert "between" in {trace.name(task) for task in trace.tasks}


def test_findings_are_those_that_were_noted(served):
    async def main(ask):
        before = await ask("findings")
        aioxide._aioxide._note_finding(
            "deadlock", "a waits for b", "app.py:1", "app.py:2", 5, ["a"], "do not", 3
        )
        return before, await ask("findings")

    before, (finding,) = served(main)
    assert before == []
    assert (finding["lint"], finding["victims"], finding["task"]) == ("deadlock", ["a"], 3)


def test_objects_with_owner_waiters_and_length(served):
    async def use(lock):
        async with lock:
            await aioxide.sleep(60)

    async def main(ask):
        lock, queue, permits = aioxide.Lock(), aioxide.Queue(), aioxide.Semaphore(5)
        tasks = [aioxide.create_task(use(lock), name=name) for name in "abc"]
        await permits.acquire()
        queue.put_nowait(1)
        await queue.put(2)
        await aioxide.sleep(0)
        answer = await ask("objects"), await ask("tasks", sort="name")
        for task in tasks:
            task.cancel()
        return answer

    objects, tasks = served(main)
    ids = {task["name"]: task["id"] for task in tasks["tasks"]}
    by_kind = {each["kind"]: each for each in objects}
    lock = by_kind["lock"]
    assert (lock["owner"], lock["waiters"]) == (ids["a"], [ids["b"], ids["c"]])
    assert lock["waiter_names"] == ["b", "c"]
    assert (lock["length"], lock["name"]) == (1, "held by a")
    assert lock["created"].startswith(__file__)
    assert by_kind["queue"]["length"] == 2
    assert by_kind["semaphore"]["length"] == 4
    (waits,) = [task["waits_for"] for task in tasks["tasks"] if task["name"] == "b"]
    assert (waits["kind"], waits["id"]) == ("lock", lock["id"])
    assert waits["text"] == f"lock made at {lock['created']}"


async def echo(reader, writer):
    """What a server does with a connection: one answer, then it waits for the end."""
    writer.write(await reader.read(100))
    await reader.read()
    writer.close()


def test_transports_and_bytes_are_counted(served):
    async def main(ask):
        server = await aioxide.start_server(echo, "127.0.0.1", 0)
        reader, writer = await aioxide.open_connection(*server.sockets[0].getsockname())
        writer.write(b"x" * 100)
        await reader.readexactly(100)
        answer = await ask("loops")
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        return answer

    (loop,) = served(main)
    assert loop["transports"] == 2
    assert (loop["bytes_in"], loop["bytes_out"]) == (200, 200)


def test_transports_and_servers_tell_where_they_were_made(served):
    async def main(ask):
        server = await aioxide.start_server(echo, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        reader, writer = await aioxide.open_connection(*address)
        writer.write(b"x" * 100)
        await reader.readexactly(100)
        objects = await ask("objects")
        tasks = (await ask("tasks", filter="echo"))["tasks"]
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        return objects, tasks, address, main.__code__.co_firstlineno

    objects, tasks, address, first = served(main)
    by_server, by_client = (f"{__file__}:{first + number}" for number in (1, 3))
    created = {(each["kind"], each["name"].split(",")[0]): each["created"] for each in objects}
    own = f"127.0.0.1:{address[1]}"
    assert created.pop(("server", own)) == by_server
    assert created.pop(("transport", own)) == by_client
    assert set(created.values()) == {by_server}  # The other end.
    assert [task["created"] for task in tasks] == [by_server]


async def waits_for(ask, name):
    """What a task waits for, once that is known: a busy machine may not have the GIL at once."""
    while True:
        (task,) = (await ask("tasks", filter=name))["tasks"]
        if task["waits_for"]["text"]:
            return task["waits_for"]


def test_a_task_that_reads_names_its_peer(served):
    async def read(reader):
        await reader.read(1)

    async def main(ask):
        async def silent(reader, writer):
            await reader.read()
            writer.close()

        server = await aioxide.start_server(silent, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        reader, writer = await aioxide.open_connection(*address)
        task = aioxide.create_task(read(reader), name="the reader")
        found = [await waits_for(ask, "the reader") for _ in range(2)]
        (tree,) = [each for each in await ask("tree") if each["name"] == "the reader"]
        task.cancel()
        writer.close()
        server.close()
        return [*found, tree["waits_for"]], address

    answers, (host, port) = served(main)
    expected = {"kind": "read", "id": 0, "text": f"data from {host}:{port} (StreamReader.read)"}
    assert answers == [expected] * 3


def test_a_call_in_a_thread_of_anyio_is_told(served):
    """As the routes of FastAPI that are plain functions."""
    run_sync = pytest.importorskip("anyio.to_thread").run_sync
    release = threading.Event()

    async def main(ask):
        task = aioxide.create_task(run_sync(release.wait, 10), name="the caller")
        try:
            return await waits_for(ask, "the caller")
        finally:
            release.set()
            await task

    found = served(main)
    assert (found["kind"], found["text"]) == ("thread", "call in a thread of anyio's")


def test_a_task_that_waits_for_something_else_by_now_is_told_anew(served):
    async def main(ask):
        one = aioxide.get_running_loop().create_future()
        other = aioxide.get_running_loop().create_future()

        async def waits_twice():
            await one
            await other

        task = aioxide.create_task(waits_twice(), name="twice")
        first = await waits_for(ask, "twice")
        one.set_result(None)
        await aioxide.sleep(0)
        second = await waits_for(ask, "twice")
        task.cancel()
        return first["text"], second["text"]

    assert served(main) == ("future: one", "future: other")


@pytest.mark.parametrize(
    "payload",
    [b"", b"{}", b"[]", b"null", b'{"ask": "weather"}', b'{"ask": 3}', b"\xff\xfe", b"{" * 5000],
)
def test_what_is_no_request_is_answered_with_an_error(served, payload):
    async def main(ask):
        with Client(os.getpid()) as client:
            client.send(payload)
            answer = client.receive()
            # And the connection goes on.
            assert len(client.ask("loops")) == 1
            return answer

    assert list(served(main)) == ["error"]


@pytest.mark.parametrize(
    ("question", "arguments"),
    [
        ("tasks", {"sort": "colour"}),
        ("tasks", {"limit": -1}),
        ("tasks", {"offset": 1.5}),
        ("stack", {}),
        ("stack", {"task": "first"}),
        ("dump", {"path": 7}),
        ("events", {"loop": 999_999}),
    ],
)
def test_bad_arguments_are_named(served, question, arguments):
    async def main(ask):
        return await ask(question, **arguments)

    assert list(served(main)) == ["error"]


@pytest.mark.parametrize(
    "garbage",
    [
        struct.pack("<IB", 0xFFFF_FFFF, 0),
        struct.pack("<IB", 70_000, 0),
        struct.pack("<IB", 2, 9) + b"{}",
        struct.pack("<IB", 2, 1) + b"{}",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_what_is_no_frame_closes_the_connection(served, garbage):
    async def main(ask):
        with Client(os.getpid()) as client:
            client.socket.sendall(garbage)
            assert client.is_closed()
        return await ask("loops")

    assert len(served(main)) == 1


def test_random_bytes_break_nothing(served):
    draw = random.Random(12)

    async def main(ask):
        for _ in range(200):
            with Client(os.getpid()) as client:
                if draw.random() < 0.5:
                    client.socket.sendall(draw.randbytes(draw.randrange(1, 60)))
                else:
                    whole = json.dumps({"ask": draw.choice(["loops", "tree", "x"])}).encode()
                    bytes_ = struct.pack("<IB", len(whole), 0) + whole
                    client.socket.sendall(bytes_[: draw.randrange(1, len(bytes_))])
        return await ask("loops")

    assert len(served(main)) == 1


def test_a_client_that_does_not_read_holds_up_no_other(served):
    async def main(ask):
        with Client(os.getpid()) as deaf:
            for _ in range(200):
                deaf.send(b'{"ask": "tree"}')
            return await ask("loops")

    assert len(served(main)) == 1


def test_more_clients_than_there_is_room_for_are_turned_away(served):
    async def main(ask):
        clients = []
        with pytest.raises((EOFError, ConnectionResetError)):
            for _ in range(20):
                clients.append(Client(os.getpid()))
        count = len(clients)
        for client in clients:
            client.socket.close()
        return count

    assert served(main) == 15  # and the one that asks


def test_stop_ends_the_connections(runtime_folder):
    console.start()
    with Client(os.getpid()) as client:
        console.stop()
        assert client.is_closed()
    aioxide.record().stop()


def test_no_thread_and_no_descriptor_is_left(served):
    before = set(os.listdir("/proc/self/task")), len(os.listdir("/proc/self/fd"))

    async def main(ask):
        return await ask("loops")

    served(main)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        now = set(os.listdir("/proc/self/task")), len(os.listdir("/proc/self/fd"))
        if now[0] <= before[0] and now[1] <= before[1]:
            return
        time.sleep(0.01)
    pytest.fail(f"{before} became {now}")


PROGRAM = """
import os, sys
import aioxide

async def main():
    print("ready", flush=True)
    await aioxide.to_thread(sys.stdin.read)

aioxide.run(main())
"""


def test_the_environment_starts_the_console_of_a_program_as_it_is(tmp_path):
    environment = {**os.environ, "AIOXIDE_CONSOLE": "1"}
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with program:
        assert program.stdout.readline() == "ready\n"
        with Client(program.pid) as client:
            assert client.ask("tasks")["total"] == 1
            program.stdin.close()
            assert client.is_closed()
    assert program.returncode == 0
    assert not socket_path(program.pid).exists()


def test_a_forked_child_has_no_console_of_its_parent(tmp_path):
    source = """
    import os, sys, aioxide
    from aioxide import console
    import socket, time
    path = console.start()
    client = socket.socket(socket.AF_UNIX)
    client.connect(path)
    assert client.recv(5)  # The greeting: its thread has begun.
    child = os.fork()
    if child == 0:
        client.close()
        names = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
        kept = [os.readlink(name) for name in names if os.path.exists(name)]
        assert not any("socket:" in name for name in kept), kept
        assert not console.is_running()
        assert not aioxide.recording.is_recording()
        path = console.start()
        assert path.endswith(f"/{os.getpid()}.sock"), path
        console.stop()
        assert aioxide.run(aioxide.sleep(0, 7)) == 7
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0, status
    assert console.is_running()
    """
    quiet = ["-W", "ignore::DeprecationWarning"]  # There is a thread more at the fork.
    command = [sys.executable, *quiet, "-c", textwrap.dedent(source)]
    subprocess.run(command, check=True, timeout=20)
