"""What a forked child does with its parent's loop leaves the parent's loop alone.

The standard library's loop shares its epoll instance with the child: there, a child that
removes a reader takes it from the parent. These tests therefore run on aioxide alone.
"""

import asyncio
import gc
import os
import signal
import socket
import subprocess
import threading

import pytest


@pytest.fixture(params=["aioxide"])
def kind(request):
    return request.param


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def watched(loop, pair):
    """What a reader on ``loop`` has received, as a list."""
    ours, _ = pair
    received = []

    def read():
        received.append(ours.recv(100))
        loop.stop()

    loop.add_reader(ours, read)
    yield received
    loop.remove_reader(ours)


def stays_deaf(loop):
    """Whether turns of ``loop`` call nothing."""
    loop.call_soon(loop.stop)
    loop.run_forever()
    return True


def test_closing_it_in_the_child(fork, loop, pair, watched):
    ours, theirs = pair
    fork(loop.close).join()
    theirs.send(b"after")
    loop.run_forever()
    assert watched == [b"after"]


def test_removing_a_reader_in_the_child(fork, loop, pair, watched):
    ours, theirs = pair

    def work():
        assert loop.remove_reader(ours) is True
        assert loop.remove_reader(ours) is False
        ours.close()

    fork(work).join()
    theirs.send(b"after")
    loop.run_forever()
    assert watched == [b"after"]


def test_adding_a_reader_in_the_child(fork, loop, pair, watched):
    first, second = socket.socketpair()
    with first, second:
        fork(lambda: loop.add_reader(first, os._exit, 3)).join()
        second.send(b"unseen by the parent")
        assert stays_deaf(loop)
    assert watched == []


def test_running_it_in_the_child(fork, loop, pair, watched):
    ours, theirs = pair

    def work():
        theirs.send(b"child")
        loop.run_forever()
        assert watched == [b"child"]
        loop.remove_reader(ours)
        loop.close()

    fork(work).join()
    assert stays_deaf(loop)
    assert watched == []
    theirs.send(b"parent")
    loop.run_forever()
    assert watched == [b"parent"]


def test_both_go_on_from_within_a_run(loop, pair, watched):
    """As ``os.fork()`` in a coroutine whose frames the child keeps using."""
    _, theirs = pair
    parent = os.getpid()
    reader, writer = os.pipe()
    idle, parent_is_idle = os.pipe()

    async def main():
        pid = os.fork()
        if pid == 0:
            signal.alarm(20)
        # To asyncio, no loop runs in the child any more: only ``loop`` itself is of use.
        slept = loop.create_future()
        loop.call_later(0.001, slept.set_result, "slept")
        assert await slept == "slept"
        assert await loop.run_in_executor(None, lambda: 6) == 6
        return pid

    try:
        pid = loop.run_until_complete(main())
        if pid == 0:
            # The socket is the parent's as well, which must not read it.
            os.read(idle, 1)
            theirs.send(b"child")
            loop.run_forever()
            os.write(writer, watched[0])
    finally:
        if os.getpid() != parent:
            os._exit(0)
    os.write(parent_is_idle, b"!")
    os.waitpid(pid, 0)
    for fd in (writer, idle, parent_is_idle):
        os.close(fd)
    with open(reader, "rb") as answer:
        assert answer.read() == b"child"
    assert stays_deaf(loop)
    assert watched == []


def test_what_other_threads_had_sent_is_not_lost_to_the_child(fork, loop):
    called = []
    loop.run_until_complete(asyncio.sleep(0))
    entered, go_on = threading.Event(), threading.Event()

    def block():
        entered.set()
        go_on.wait(10)

    loop.call_soon(block)
    thread = threading.Thread(target=loop.run_until_complete, args=(asyncio.sleep(0),))
    thread.start()
    assert entered.wait(10)
    loop.call_soon_threadsafe(called.append, "sent")

    def work():
        assert not loop.is_running()
        assert called == []
        stays_deaf(loop)
        assert called == ["sent"]
        loop.close()

    fork(work).join()
    go_on.set()
    thread.join()
    stays_deaf(loop)
    assert called == ["sent"]


def test_collecting_connections_in_the_child(fork, run, loop):
    async def main():
        received = asyncio.Queue()

        class Server(asyncio.Protocol):
            def data_received(self, data):
                received.put_nowait(data)

        server = await loop.create_server(Server, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        transport, _ = await loop.create_connection(asyncio.Protocol, *address)
        transport.write(b"before")
        assert await received.get() == b"before"
        held = [transport, server]
        del transport, server

        def work():
            for each in held:
                (each.abort if hasattr(each, "abort") else each.close)()
            held.clear()
            gc.collect()

        fork(work).join()
        held[0].write(b"after")
        assert await received.get() == b"after"
        other, _ = await loop.create_connection(asyncio.Protocol, *address)
        other.write(b"accepted")
        assert await received.get() == b"accepted"
        other.close()
        held[0].close()
        held[1].close()
        await held[1].wait_closed()

    run(main())


def test_dropping_a_process_in_the_child_does_not_end_it(fork, run, loop):
    reader, writer = os.pipe()

    async def main():
        transport, _ = await loop.subprocess_exec(
            asyncio.SubprocessProtocol,
            "/bin/sh",
            "-c",
            "read line; exit 17",
            stdin=reader,
            stdout=None,
            stderr=None,
        )
        os.close(reader)

        def work():
            transport.close()
            os.close(writer)

        fork(work).join()
        assert transport.get_returncode() is None
        os.close(writer)
        assert await transport._wait() == 17
        transport.close()

    run(main())


def test_the_thread_pool_of_an_inherited_loop_is_a_new_one(fork, loop):
    assert loop.run_until_complete(loop.run_in_executor(None, lambda: 1)) == 1

    def work():
        assert loop.run_until_complete(loop.run_in_executor(None, lambda: 2)) == 2
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()

    fork(work).join()
    assert loop.run_until_complete(loop.run_in_executor(None, lambda: 3)) == 3


def test_the_child_has_no_descriptor_of_a_loop_that_it_closed(fork, loop_factory):
    def count():
        return len(os.listdir("/proc/self/fd"))

    before = count()
    loop = loop_factory()
    loop.run_until_complete(asyncio.sleep(0))

    def work():
        loop.close()
        # The pipe to report through came meanwhile.
        assert count() == before + 1

    fork(work).join()
    loop.close()


def test_a_program_that_becomes_a_daemon(run_script):
    """It makes its server, forks, and only the child runs the loop."""
    source = """
        import asyncio, os, signal, socket
        import aioxide

        loop = aioxide.new_event_loop()

        async def answer(reader, writer):
            writer.write(await reader.readline())
            await writer.drain()
            writer.close()
            loop.call_soon(loop.stop)

        server = loop.run_until_complete(asyncio.start_server(answer, "127.0.0.1", 0))
        address = server.sockets[0].getsockname()
        if os.fork() == 0:
            signal.alarm(15)
            loop.run_forever()
            os._exit(0)
        server.close()
        loop.close()
        with socket.create_connection(address, 10) as connection:
            connection.sendall(b"daemon\\n")
            print(connection.makefile().readline().strip())
        print(os.waitstatus_to_exitcode(os.wait()[1]))
    """
    result = run_script(source)
    assert (result.stdout, result.stderr) == ("daemon\n0\n", "")


def test_preexec_functions_run_python_in_the_child(run, loop, pair, watched):
    """Between fork and exec the child runs the same handlers, and no more."""
    ours, theirs = pair

    async def main():
        process = await asyncio.create_subprocess_exec(
            "/bin/sh", "-c", "exit $LEVEL", preexec_fn=lambda: os.putenv("LEVEL", "5")
        )
        return await process.wait()

    try:
        assert run(main()) == 5
    except subprocess.SubprocessError:
        pytest.fail("preexec_fn failed")
    theirs.send(b"after")
    loop.run_forever()
    assert watched == [b"after"]
