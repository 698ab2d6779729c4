"""A forked child makes loops of its own; the parent's loop goes on."""

import asyncio
import os
import signal
import socket
import sys
import threading

import pytest


@pytest.fixture
def use_fully(api, loop_factory):
    """What a child does with a loop of its own: something of everything."""

    async def echo(reader, writer):
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    async def main():
        loop = asyncio.get_running_loop()
        await asyncio.sleep(0.001)
        assert await asyncio.gather(*(asyncio.sleep(0, number) for number in range(3))) == [0, 1, 2]
        assert await loop.run_in_executor(None, lambda: 5) == 5
        process = await asyncio.create_subprocess_exec("/bin/sh", "-c", "exit 4")
        assert await process.wait() == 4

        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"hello\n")
        assert await reader.readline() == b"hello\n"
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()

        signalled = asyncio.Event()
        loop.add_signal_handler(signal.SIGUSR1, signalled.set)
        os.kill(os.getpid(), signal.SIGUSR1)
        await signalled.wait()
        loop.remove_signal_handler(signal.SIGUSR1)
        return "done"

    def use():
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            assert runner.run(asyncio.wait_for(main(), 10)) == "done"

    return use


def test_before_the_parent_has_a_loop(fork, use_fully):
    fork(use_fully).join()
    use_fully()


def test_while_the_parents_loop_does_not_run(fork, loop, use_fully):
    loop.run_until_complete(asyncio.sleep(0))
    fork(use_fully).join()
    loop.run_until_complete(asyncio.sleep(0.001))


def test_while_the_parents_loop_runs(fork, run, use_fully):
    async def main():
        fork(use_fully).join()
        await asyncio.sleep(0.001)

    run(main())


def test_while_a_thread_runs_a_loop(fork, loop, use_fully):
    started = threading.Event()
    stop = loop.create_future()
    loop.call_soon(started.set)
    thread = threading.Thread(target=loop.run_until_complete, args=(stop,))
    thread.start()
    assert started.wait(10)
    try:
        fork(use_fully).join()
    finally:
        loop.call_soon_threadsafe(stop.set_result, None)
        thread.join()


def test_a_child_of_a_child(fork, run, use_fully):
    def work():
        use_fully()
        fork(use_fully).join()

    async def main():
        fork(work).join()
        await asyncio.sleep(0.001)

    run(main())


def test_in_a_child_no_loop_runs(fork, run):
    def work():
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()

    async def main():
        fork(work).join()
        assert asyncio.get_running_loop() is not None

    run(main())


def test_what_the_parent_waits_for_still_comes(fork, run, loop, use_fully):
    async def main():
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            received = asyncio.ensure_future(loop.sock_recv(ours, 10))
            timer = loop.create_future()
            loop.call_later(0.01, timer.set_result, "timer")
            in_thread = loop.run_in_executor(None, lambda: "thread")
            await asyncio.sleep(0)
            fork(use_fully).join()
            theirs.send(b"socket")
            assert await received == b"socket"
            assert await timer == "timer"
            assert await in_thread == "thread"

    run(main())


@pytest.mark.parametrize("running", [True, False], ids=["running", "idle"])
def test_signals_of_the_child_do_not_reach_the_parent(fork, kind, loop, running):
    if kind == "asyncio" and sys.version_info < (3, 12):
        pytest.skip("up to Python 3.11 asyncio shares the descriptor for signals")
    arrived = []

    def work():
        signal.signal(signal.SIGUSR1, lambda *_: None)
        os.kill(os.getpid(), signal.SIGUSR1)

    async def main():
        loop.add_signal_handler(signal.SIGUSR1, arrived.append, "parent")
        if running:
            fork(work).join()

    loop.run_until_complete(main())
    if not running:
        fork(work).join()
    loop.run_until_complete(asyncio.sleep(0.001))
    assert arrived == []

    async def signalled():
        os.kill(os.getpid(), signal.SIGUSR1)
        while not arrived:
            await asyncio.sleep(0)

    loop.run_until_complete(asyncio.wait_for(signalled(), 10))
    loop.remove_signal_handler(signal.SIGUSR1)


def test_signals_of_the_parent_reach_its_handlers_after_a_fork(fork, run, loop, use_fully):
    async def main():
        arrived = asyncio.Event()
        loop.add_signal_handler(signal.SIGUSR2, arrived.set)
        fork(use_fully).join()
        os.kill(os.getpid(), signal.SIGUSR2)
        await arrived.wait()
        loop.remove_signal_handler(signal.SIGUSR2)

    run(main())
