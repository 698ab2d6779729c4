"""What others learn and do with the Popen object behind a transport.

The standard library loses the exit status to whoever asks the Popen object first (up to Python
3.12 its own ``send_signal()`` does) and reports 255; aioxide takes it from that object. These
tests therefore run on aioxide alone.
"""

import asyncio
import os
import signal
import subprocess
import threading

import aioxide._loop.processes
import pytest


@pytest.fixture(params=["aioxide"])
def kind(request):
    return request.param


def test_it_knows_the_return_code(run, start):
    async def main():
        transport = await start("/bin/sh", "-c", "exit 7")
        process = transport.get_extra_info("subprocess")
        assert isinstance(process, subprocess.Popen)
        assert process.pid == transport.get_pid()
        await transport._wait()
        assert process.returncode == 7
        assert process.poll() == process.wait() == 7
        transport.close()

    run(main())


@pytest.mark.parametrize("method", ["poll", "wait"])
def test_asking_it_first_loses_nothing(run, start, gate, recorder, method):
    async def main():
        transport = await start("/bin/sh", "-c", "read line; exit 13", stdin=gate.reader)
        gate.open()
        process = transport.get_extra_info("subprocess")
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert getattr(process, method)() == 13
        assert transport.get_returncode() is None
        assert await transport._wait() == 13
        assert recorder.calls[1] == ("process_exited", 13)
        transport.close()

    run(main())


def test_a_signal_to_a_child_that_has_just_ended_keeps_its_exit_code(run, start, gate, has_ended):
    async def main():
        transport = await start("/bin/sh", "-c", "read line; exit 5", stdin=gate.reader)
        # It ends, and the loop has no iteration to learn that.
        gate.open()
        has_ended(transport.get_pid())
        transport.send_signal(signal.SIGTERM)
        assert await transport._wait() == 5
        transport.close()

    run(main())


def test_a_thread_may_wait_by_it(run, start, gate):
    async def main():
        transport = await start("/bin/sh", "-c", "read line; exit 14", stdin=gate.reader)
        process = transport.get_extra_info("subprocess")
        loop = asyncio.get_running_loop()
        waiting = loop.run_in_executor(None, process.wait)
        gate.open()
        assert await transport._wait() == 14
        assert await waiting == 14
        transport.close()

    run(main())


def test_signals_from_a_thread_reach_no_stranger(run, start, gate):
    """A signal goes to the child or nowhere, also between its end and the loop's next iteration."""

    async def main():
        transport = await start("/bin/cat", stdin=gate.reader)
        process = transport.get_extra_info("subprocess")
        thread = threading.Thread(target=process.send_signal, args=(signal.SIGUSR1,))
        thread.start()
        assert await transport._wait() == -signal.SIGUSR1
        thread.join()
        process.send_signal(signal.SIGUSR1)
        transport.close()

    run(main())


def test_a_notice_before_the_end_is_followed_up(run, start, gate, monkeypatch):
    """As when a debugger is told first: the process has ended but cannot be reaped yet."""
    reap = aioxide._loop.processes._reap_child
    refused = []

    def refuse_once(pid):
        if not refused:
            refused.append(pid)
            raise BlockingIOError
        return reap(pid)

    monkeypatch.setattr(aioxide._loop.processes, "_reap_child", refuse_once)

    async def main():
        transport = await start("/bin/sh", "-c", "read line; exit 15", stdin=gate.reader)
        gate.open()
        assert await transport._wait() == 15
        assert refused == [transport.get_pid()]
        transport.close()

    run(main())


def test_a_running_process_has_no_exit_status_yet(run, start, gate):
    async def main():
        transport = await start("/bin/sh", "-c", "read line; exit 16", stdin=gate.reader)
        pid = transport.get_pid()
        with pytest.raises(BlockingIOError, match=f"process {pid} has not ended"):
            aioxide._loop.processes._reap_child(pid)
        gate.open()
        assert await transport._wait() == 16
        transport.close()

    run(main())


def test_a_child_that_was_reaped_before_the_loop_watched(run, logged, monkeypatch):
    class ReapedAtOnce(subprocess.Popen):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            os.waitpid(-1, 0)

    monkeypatch.setattr(subprocess, "Popen", ReapedAtOnce)

    async def main():
        process = await asyncio.create_subprocess_exec("/bin/true")
        return await process.wait()

    assert run(main()) == 255
    assert "will report returncode 255" in logged.take_one().getMessage()
