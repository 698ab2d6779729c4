"""How a child's end is learned, and what is said of it."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading

import pytest


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_exit_code(run, code):
    async def main():
        process = await asyncio.create_subprocess_exec("/bin/sh", "-c", f"exit {code}")
        assert await process.wait() == code
        assert process.returncode == code

    run(main())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGUSR1])
def test_a_signal_makes_the_return_code_negative(run, gate, number):
    async def main():
        process = await asyncio.create_subprocess_exec("/bin/cat", stdin=gate.reader)
        assert process.returncode is None
        process.send_signal(number)
        assert await process.wait() == -number

    run(main())


def test_terminate_and_kill(run, gate):
    async def main():
        for method, number in (("terminate", signal.SIGTERM), ("kill", signal.SIGKILL)):
            process = await asyncio.create_subprocess_exec("/bin/cat", stdin=gate.reader)
            getattr(process, method)()
            assert await process.wait() == -number

    run(main())


@pytest.mark.parametrize("method", ["terminate", "kill", "send_signal"])
def test_signals_after_the_end(run, kind, method):
    async def main():
        process = await asyncio.create_subprocess_exec("/bin/true")
        await process.wait()
        arguments = (signal.SIGTERM,) if method == "send_signal" else ()
        if kind == "asyncio" and sys.version_info >= (3, 14):
            # Nothing happens there until the transport has been closed as well.
            with contextlib.suppress(ProcessLookupError):
                getattr(process, method)(*arguments)
            return
        with pytest.raises(ProcessLookupError):
            getattr(process, method)(*arguments)

    run(main())


def test_a_child_that_ended_before_the_loop_could_look(run, start, gate, has_ended):
    async def main():
        transport = await start("/bin/sh", "-c", "read line; exit 9", stdin=gate.reader)
        gate.open()
        has_ended(transport.get_pid())
        assert transport.get_returncode() is None
        assert await transport._wait() == 9
        transport.close()

    run(main())


def test_everybody_who_waits_is_told(run, gate):
    async def main():
        process = await asyncio.create_subprocess_exec(
            "/bin/sh", "-c", "read line; exit 4", stdin=gate.reader
        )
        waiting = [asyncio.ensure_future(process.wait()) for _ in range(10)]
        await asyncio.sleep(0)
        gate.open()
        assert await asyncio.gather(*waiting) == [4] * 10
        assert await process.wait() == 4

    run(main())


def test_a_cancelled_wait_leaves_the_others(run, gate):
    async def main():
        process = await asyncio.create_subprocess_exec(
            "/bin/sh", "-c", "read line; exit 6", stdin=gate.reader
        )
        cancelled = asyncio.ensure_future(process.wait())
        kept = asyncio.ensure_future(process.wait())
        await asyncio.sleep(0)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        gate.open()
        assert await kept == 6

    run(main())


@pytest.mark.parametrize("container", [list, set])
def test_waits_are_kept_in_what_asyncio_has_for_them(kind, run, gate, container):
    async def main():
        process = await asyncio.create_subprocess_exec(
            "/bin/sh", "-c", "read line; exit 6", stdin=gate.reader
        )
        transport = process._transport
        if kind == "aioxide":
            # Patch releases differ.
            transport._exit_waiters = container()
        cancelled, kept = (asyncio.ensure_future(process.wait()) for _ in range(2))
        await asyncio.sleep(0)
        assert len(transport._exit_waiters) == 2
        cancelled.cancel()
        await asyncio.wait([cancelled])
        assert len(transport._exit_waiters) == (
            1 if isinstance(transport._exit_waiters, set) else 2
        )
        gate.open()
        assert await kept == 6

    run(main())


def test_many_at_once(run):
    async def exit_with(code):
        process = await asyncio.create_subprocess_exec("/bin/sh", "-c", f"exit {code}")
        return await process.wait()

    async def main():
        codes = [number % 100 for number in range(60)]
        assert await asyncio.gather(*map(exit_with, codes)) == codes

    run(main())


def test_all_end_at_one_time(run, gate):
    async def main():
        started = [
            await asyncio.create_subprocess_exec(
                "/bin/sh", "-c", f"read line; exit {code}", stdin=gate.reader
            )
            for code in range(30)
        ]
        gate.open()
        ended = await asyncio.gather(*(process.wait() for process in started))
        assert ended == list(range(30))

    run(main())


def test_a_loop_in_another_thread(new_loop):
    async def main():
        process = await asyncio.create_subprocess_exec("/bin/sh", "-c", "exit 8")
        return await asyncio.wait_for(process.wait(), 10)

    results = []

    def work():
        results.append(new_loop().run_until_complete(main()))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [8, 8, 8]


@pytest.mark.parametrize("pid", [-1, None], ids=["of any child", "of this child"])
def test_somebody_else_took_the_exit_status(run, start, gate, logged, kind, pid):
    if kind == "asyncio" and sys.version_info < (3, 12):
        pytest.skip("up to Python 3.11 a thread of asyncio's waits, which may be faster")

    async def main():
        transport = await start("/bin/sh", "-c", "read line; exit 3", stdin=gate.reader)
        gate.open()
        assert os.waitpid(pid or transport.get_pid(), 0)[0] == transport.get_pid()
        assert await transport._wait() == 255
        transport.close()
        return transport.get_pid()

    pid = run(main())
    message = logged.take_one().getMessage()
    assert f"child process pid {pid} exit status already read" in message
    assert "will report returncode 255" in message


def test_processes_whose_end_nobody_is_told(run, start, gate, logged):
    async def main():
        transport = await start("/bin/sh", "-c", "read line; exit 3", stdin=gate.reader)
        gate.open()
        assert await transport._wait() == 255
        transport.close()

    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        run(main())
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert "will report returncode 255" in logged.take_one().getMessage()


def test_a_handler_of_sigchld_is_left_alone(run, loop):
    async def main():
        arrived = asyncio.Event()
        loop.add_signal_handler(signal.SIGCHLD, arrived.set)
        try:
            process = await asyncio.create_subprocess_exec("/bin/sh", "-c", "exit 2")
            assert await process.wait() == 2
            await arrived.wait()
        finally:
            loop.remove_signal_handler(signal.SIGCHLD)

    run(main())


def test_other_children_are_left_alone(run, gate):
    async def main():
        other = subprocess.Popen(["/bin/sh", "-c", "exit 11"])
        os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
        process = await asyncio.create_subprocess_exec("/bin/sh", "-c", "exit 12")
        assert await process.wait() == 12
        assert other.wait() == 11

    run(main())
