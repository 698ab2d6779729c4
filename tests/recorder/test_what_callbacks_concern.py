"""The tasks, transports and servers that the events of callbacks and wake-ups name."""

import asyncio
import os
import socket
import sys

import aioxide
import pytest
from recorder import trace_file
from recorder.trace_file import Callback, ObjectCreated, Woken


async def sleeper(seconds=0):
    await aioxide.sleep(seconds)


def on_done(task):
    """A done-callback."""


def named(trace, item):
    """For each callback of a kind: the name of what it concerns, and its function."""
    found = []
    for event in trace.of(Callback):
        if event.item == item:
            place = trace.place(event.location)
            found.append((name_of(trace, event.object), place and place.function))
    return found


def name_of(trace, number):
    """The name of the task or object with this id; None for 0."""
    if number == 0:
        return None
    if number in trace.tasks:
        return trace.name(number)
    found = trace.objects[number]
    return f"{found.kind} {trace.strings.get(found.name, '')}".strip()


def wakes(trace, name):
    """How and by what the task of this name was woken."""
    task = trace.task_named(name).id
    return [
        (event.waker, name_of(trace, event.by)) for event in trace.of(Woken) if event.task == task
    ]


def test_a_done_callback_names_the_task_that_has_ended(recorded):
    async def main():
        task = aioxide.create_task(sleeper(), name="a")
        task.add_done_callback(on_done)
        await task
        await aioxide.sleep(0)

    assert ("a", "on_done") in named(recorded(main), "future-callback")


def test_a_done_callback_of_a_future_that_is_no_task_names_nothing(recorded):
    async def main():
        future = aioxide.get_running_loop().create_future()
        future.add_done_callback(on_done)
        future.set_result(None)
        await aioxide.sleep(0)

    assert (None, "on_done") in named(recorded(main), "future-callback")


def test_the_name_outlives_the_record_of_the_task(recorded):
    async def main():
        old = aioxide.create_task(sleeper(), name="old")
        await old
        # The ring forgets the task's events, and another task gets its record.
        for number in range(1200):
            await aioxide.create_task(sleeper(), name=f"new {number}")
        old.add_done_callback(on_done)
        await aioxide.sleep(0)
        return old

    trace = recorded(main, capacity=1024)
    (event,) = [
        event
        for event in trace.of(Callback)
        if (place := trace.place(event.location)) and place.function == "on_done"
    ]
    others = {task.id for task in trace.tasks.values() if trace.name(task.id).startswith("new")}
    assert 0 < event.object < min(others)


def test_a_task_that_ended_unrecorded_is_not_named(tmp_path):
    async def main():
        with aioxide.record():
            # Its memory is used again.
            await aioxide.create_task(sleeper(), name="recorded")
        task = aioxide.create_task(sleeper(), name="unrecorded")
        await task
        with aioxide.record() as recording:
            task.add_done_callback(on_done)
            await aioxide.sleep(0)
            await aioxide.sleep(0)
            recording.dump(tmp_path / "run.aiotrace")

    with asyncio.Runner(loop_factory=aioxide.new_event_loop) as runner:
        runner.run(main())
    trace = trace_file.read(tmp_path / "run.aiotrace")
    assert named(trace, "future-callback") == [(None, "on_done")]


@pytest.mark.parametrize("wait", ["group", "gather", "wait", "shield"])
def test_whoever_waits_for_tasks_is_woken_by_the_callback_of_their_end(recorded, wait):
    async def main():
        aioxide.current_task().set_name("main")
        if wait == "group":
            async with aioxide.TaskGroup() as group:
                group.create_task(sleeper(0.001), name="member")
            return
        member = aioxide.create_task(sleeper(0.001), name="member")
        if wait == "gather":
            await aioxide.gather(member)
        elif wait == "wait":
            await aioxide.wait([member])
        else:
            await aioxide.shield(member)

    trace = recorded(main)
    assert ("member", None) in named(trace, "future-callback")
    assert wakes(trace, "main")[-1] == ("callback", "member")


def test_the_end_of_a_sleep_names_the_task_that_sleeps(recorded):
    async def main():
        await aioxide.create_task(sleeper(0.001), name="sleeper")

    trace = recorded(main)
    assert named(trace, "timer") == [("sleeper", None)]
    # It has not woken itself.
    assert wakes(trace, "sleeper") == [("timer", None)]


@pytest.mark.parametrize("by", ["timeout", "wait_for"])
def test_the_end_of_a_timeout_names_the_task_that_has_it(recorded, by):
    async def limited():
        never = aioxide.get_running_loop().create_future()
        with pytest.raises(TimeoutError):
            if by == "wait_for":
                await aioxide.wait_for(never, 0.001)
            else:
                async with aioxide.timeout(0.001):
                    await never

    async def main():
        await aioxide.create_task(limited(), name="limited")

    trace = recorded(main)
    assert [name for name, _ in named(trace, "timer")] == ["limited"]
    # Up to 3.11 wait_for() awaits what it has cancelled.
    cancelled = [("callback", None)] if by == "wait_for" and sys.version_info < (3, 12) else []
    assert wakes(trace, "limited") == [("timer", None), *cancelled]


def test_the_result_of_a_thread_names_the_task_that_waits_for_it(recorded):
    async def call():
        await aioxide.get_running_loop().run_in_executor(None, os.getpid)

    async def main():
        await aioxide.create_task(call(), name="calls")

    trace = recorded(main)
    assert named(trace, "thread-result")[0] == ("calls", None)
    assert wakes(trace, "calls") == [("thread", None)]


def test_a_socket_call_names_the_task_that_waits_for_it(recorded):
    async def main():
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        loop = aioxide.get_running_loop()
        receiving = aioxide.create_task(loop.sock_recv(ours, 5), name="receiver")
        await aioxide.sleep(0)
        theirs.send(b"hello")
        assert await receiving == b"hello"
        ours.close()
        theirs.close()

    assert named(recorded(main), "socket-event") == [("receiver", None)]


def test_a_callback_that_is_the_method_of_a_task_or_has_one_for_argument_names_it(recorded):
    async def main():
        loop = aioxide.get_running_loop()
        victim = aioxide.create_task(sleeper(60), name="victim")
        other = aioxide.create_task(sleeper(), name="other")
        loop.call_soon(on_done, other)
        loop.call_later(0.001, victim.cancel)
        await aioxide.wait([victim])

    trace = recorded(main)
    assert ("other", "on_done") in named(trace, "handle")
    assert named(trace, "timer") == [("victim", None)]


def test_a_callback_names_the_task_that_waits_for_its_future(recorded):
    async def waits(future):
        await future

    async def main():
        loop = aioxide.get_running_loop()
        future = loop.create_future()
        waiting = aioxide.create_task(waits(future), name="waits")
        await aioxide.sleep(0)
        loop.call_soon(future.set_result, None)
        await waiting

    assert ("waits", None) in named(recorded(main), "handle")


def test_connections_are_named_by_address_and_tasks_are_woken_by_them(recorded):
    async def serve(reader, writer):
        aioxide.current_task().set_name("serves")
        writer.write(await reader.readline())
        writer.close()

    async def ask(port):
        reader, writer = await aioxide.open_connection("127.0.0.1", port)
        local = writer.get_extra_info("sockname")[1]
        await aioxide.sleep(0.001)
        writer.write(b"hello\n")
        assert await reader.readline() == b"hello\n"
        writer.close()
        return local

    ports = []

    async def main():
        server = await aioxide.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        ports.append(port)
        ports.append(await aioxide.create_task(ask(port), name="client"))
        server.close()

    trace = recorded(main)
    port, local = ports
    server, served, client = (
        f"server 127.0.0.1:{port}",
        f"transport 127.0.0.1:{local}",
        f"transport 127.0.0.1:{port}",
    )
    assert {name for name, _ in named(trace, "accept")} == {server}
    assert {served, client} == {name for name, _ in named(trace, "socket-event")}
    assert ("descriptor", served) in wakes(trace, "serves")
    assert ("descriptor", client) in wakes(trace, "client")
    created = {name_of(trace, event.object) for event in trace.of(ObjectCreated)}
    assert {server, served, client} <= created


async def say_hello(start_server, connect):
    """One connection to a server, from its beginning to the end of both sides."""
    done = aioxide.Event()

    async def serve(reader, writer):
        await reader.read()
        writer.close()
        await writer.wait_closed()
        done.set()

    async with await start_server(serve) as server:
        _, writer = await connect(server)
        writer.write(b"hello")
        writer.close()
        await writer.wait_closed()
        await done.wait()


def test_a_unix_socket_is_named_by_its_path(recorded, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    async def main():
        await say_hello(
            lambda serve: aioxide.start_unix_server(serve, "app.sock"),
            lambda server: aioxide.open_unix_connection("app.sock"),
        )

    trace = recorded(main)
    named_objects = [each for each in trace.objects.values() if each.name]
    assert {(each.kind, trace.strings[each.name]) for each in named_objects} == {
        ("server", "app.sock"),
        ("transport", "app.sock"),
    }


def test_the_end_of_a_child_is_told_as_one(recorded):
    async def main():
        process = await aioxide.create_subprocess_exec(sys.executable, "-c", "")
        assert await process.wait() == 0

    assert len(named(recorded(main), "child")) == 1


def test_a_debugged_loop_names_the_same(recorded):
    async def main():
        aioxide.get_running_loop().set_debug(True)
        async with aioxide.TaskGroup() as group:
            group.create_task(sleeper(), name="member")

    assert "member" in [name for name, _ in named(recorded(main), "handle")]


def test_the_file_that_is_written_meanwhile_has_the_names_too(recorded, tmp_path):
    path = tmp_path / "full.aiotrace"
    names = []

    async def main():
        def connect(server):
            host, port = server.sockets[0].getsockname()
            names.append(f"server {host}:{port}")
            return aioxide.open_connection(host, port)

        await say_hello(lambda serve: aioxide.start_server(serve, "127.0.0.1", 0), connect)

    recorded(main, full=True, file=path)
    assert named(trace_file.read(path), "accept") == [(names[0], None)]
