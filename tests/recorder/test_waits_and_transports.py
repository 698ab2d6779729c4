"""What a recording says of waits outside of the loop, and of transports."""

import asyncio
import os
import socket
import sys

import aioxide
from aioxide import console, introspect
from recorder.console_client import Client
from recorder.trace_file import Bytes, Callback, ObjectCreated


def waits_of(trace, name):
    return [step.wait for step in trace.steps_of(name) if step.outcome == "waiting"]


def test_a_wait_for_a_process_is_told(recorded):
    async def main():
        aioxide.current_task().set_name("main")
        process = await aioxide.create_subprocess_exec(
            sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE
        )
        waiting = aioxide.create_task(process.wait(), name="waits")
        await aioxide.sleep(0)
        process.stdin.close()
        assert await waiting == 1

    trace = recorded(main)
    assert waits_of(trace, "waits") == ["process"]


def test_a_wait_for_a_name_is_told(recorded):
    async def main():
        loop = aioxide.get_running_loop()
        names = loop.getaddrinfo("localhost", 80)
        await aioxide.create_task(names, name="by name")
        services = loop.getnameinfo(("127.0.0.1", 80))
        await aioxide.create_task(services, name="by address")

    trace = recorded(main)
    assert waits_of(trace, "by name") == ["name-resolution"]
    assert waits_of(trace, "by address") == ["name-resolution"]


def test_a_wait_for_a_call_in_an_executor_is_told(recorded):
    async def call():
        await aioxide.get_running_loop().run_in_executor(None, os.getpid)

    async def main():
        await aioxide.create_task(call(), name="calls")

    assert waits_of(recorded(main), "calls") == ["thread"]


def test_an_unknown_kind_of_wait_is_refused():
    note = aioxide._aioxide._note_wait
    note(object(), "anything while nothing is recorded")
    with aioxide.record():
        note(object(), "process")
        try:
            note(object(), "nonsense")
        except ValueError as error:
            assert "nonsense" in str(error)
        else:
            raise AssertionError("no error")


def test_a_callback_names_the_transport_whose_event_it_is(recorded):
    async def main():
        ours, theirs = socket.socketpair()
        reader, writer = await aioxide.open_connection(sock=ours)
        theirs.sendall(b"hello")
        assert await reader.read(5) == b"hello"
        writer.close()
        theirs.close()

    trace = recorded(main)
    (transport,) = [each for each in trace.of(ObjectCreated) if each.kind == "transport"]
    ids = {event.object for event in trace.of(Callback) if event.item == "socket-event"}
    assert ids == {transport.object}
    assert {event.transport for event in trace.of(Bytes)} == {transport.object}


def test_unsent_bytes_by_transport_and_by_task(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    size = 8_000_000

    async def write(writer):
        writer.write(bytes(size))
        await aioxide.sleep(60)

    async def main(client):
        ours, theirs = socket.socketpair()
        _, writer = await aioxide.open_connection(sock=ours)
        writing = aioxide.create_task(write(writer), name="writer")
        await aioxide.sleep(0)
        asked = []
        for question in ("objects", "loops", "tasks"):
            asked.append(await aioxide.to_thread(client.ask, question))
        asked.append(introspect.snapshot()["transports"])
        writer.transport.abort()
        await aioxide.sleep(0)
        await aioxide.sleep(0)
        after = await aioxide.to_thread(client.ask, "loops")
        writing.cancel()
        theirs.close()
        return *asked, after

    console.start()
    try:
        with (
            Client(os.getpid()) as client,
            aioxide.Runner(loop_factory=aioxide.new_event_loop) as runner,
        ):
            objects, loops, tasks, snapshot, after = runner.run(main(client))
    finally:
        console.stop()
        aioxide.record().stop()
    (transport,) = [each for each in objects if each["kind"] == "transport"]
    (loop,) = loops
    (writer,) = [each for each in tasks["tasks"] if each["name"] == "writer"]
    assert 0 < transport["length"] < size
    assert transport["bytes_out"] + transport["length"] == size
    assert transport["owner"] == writer["id"]
    assert transport["name"] == "written by writer"
    assert transport["loop"] == loop["id"]
    assert loop["unsent"] == writer["unsent"] == transport["length"]
    assert after[0]["unsent"] == 0
    assert snapshot == [
        {
            "id": transport["id"],
            "loop": loop["id"],
            "received": 0,
            "sent": transport["bytes_out"],
            "unsent": transport["length"],
            "writer": "writer",
        }
    ]
