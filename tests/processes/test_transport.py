"""The transport of a child: its life, and what it says of itself."""

import asyncio
import logging
import os
import re
import signal
import subprocess

import pytest


@pytest.fixture
def name(kind):
    """What the transport calls itself."""
    return "SubprocessTransport" if kind == "aioxide" else "_UnixSubprocessTransport"


def test_order_of_the_calls(run, start, recorder, gate):
    async def main():
        transport = await start("/bin/sh", "-c", "read line; exit 1", stdin=gate.reader)
        assert recorder.calls == ["connection_made"]
        gate.open()
        assert await transport._wait() == 1
        assert recorder.calls == [
            "connection_made",
            ("process_exited", 1),
            ("connection_lost", None),
        ]
        transport.close()

    run(main())


def test_what_it_knows(run, start, recorder, gate):
    async def main():
        transport = await start("/bin/cat", stdin=gate.reader)
        assert isinstance(transport, asyncio.SubprocessTransport)
        assert transport.get_protocol() is recorder
        assert os.getpgid(transport.get_pid()) == os.getpgid(0)
        assert transport.get_returncode() is None
        assert not transport.is_closing()
        assert [transport.get_pipe_transport(fd) for fd in range(3)] == [None] * 3
        assert isinstance(transport.get_extra_info("subprocess"), subprocess.Popen)
        assert transport.get_extra_info("nothing", 5) == 5
        gate.open()
        assert await transport._wait() == 0
        assert transport.get_returncode() == 0
        transport.close()
        assert transport.is_closing()

    run(main())


def test_repr(run, start, name, gate):
    async def main():
        transport = await start("/bin/cat", stdin=gate.reader)
        pid = transport.get_pid()
        assert repr(transport) == f"<{name} pid={pid} running>"
        gate.open()
        await transport._wait()
        assert repr(transport) == f"<{name} pid={pid} returncode=0>"
        transport.close()
        assert repr(transport) == f"<{name} closed pid={pid} returncode=0>"

    run(main())


def test_repr_of_a_process(run, gate):
    async def main():
        process = await asyncio.create_subprocess_exec("/bin/cat", stdin=gate.reader)
        assert repr(process) == f"<Process {process.pid}>"
        gate.open()
        await process.wait()

    run(main())


def test_another_protocol(run, start, recorder, gate):
    class Other(asyncio.SubprocessProtocol):
        exited = False

        def process_exited(self):
            self.exited = True

    async def main():
        transport = await start("/bin/cat", stdin=gate.reader)
        other = Other()
        transport.set_protocol(other)
        assert transport.get_protocol() is other
        gate.open()
        await transport._wait()
        assert other.exited
        assert recorder.calls == ["connection_made"]
        transport.close()

    run(main())


def test_closing_it_kills_the_child(run, start, recorder, gate):
    async def main():
        transport = await start("/bin/cat", stdin=gate.reader)
        transport.close()
        transport.close()
        assert transport.is_closing()
        assert await transport._wait() == -signal.SIGKILL
        assert recorder.calls[1:] == [
            ("process_exited", -signal.SIGKILL),
            ("connection_lost", None),
        ]

    run(main())


def test_debug_mode_warns_of_that(run, loop, start, gate, logged):
    async def main():
        transport = await start("/bin/cat", stdin=gate.reader)
        loop.set_debug(True)
        loop.slow_callback_duration = 10
        transport.close()
        await transport._wait()
        loop.set_debug(False)

    run(main())
    record = logged.take_one()
    assert record.msg == "Close running child process: kill %r"
    assert isinstance(record.args[0], asyncio.SubprocessTransport)


def test_debug_mode_tells_what_is_started(run, loop, gate, caplog):
    loop.set_debug(True)
    loop.slow_callback_duration = 10

    async def main():
        with caplog.at_level(logging.DEBUG, "asyncio"):
            logging.getLogger("asyncio").propagate = True
            process = await asyncio.create_subprocess_exec(
                "/bin/true", stdin=gate.reader, stderr=asyncio.subprocess.DEVNULL
            )
            await process.wait()
            process = await asyncio.create_subprocess_shell(
                "exit 3", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
            )
            await process.wait()

    run(main())
    told = "\n".join(record.getMessage() for record in caplog.records)
    for expected in (
        f"execute program '/bin/true' stdin={gate.reader} stderr=-3\n",
        r"process '/bin/true' created: pid \d+\n",
        r"\nexecute program '/bin/true': <\w+Transport .*pid=",
        r"<\w+Transport .*returncode=0> exited with return code 0\n",
        r"\nrun shell command 'exit 3' stdout=stderr=<pipe>\n",
        r"process 'exit 3' created: pid \d+\n",
        r"\nrun shell command 'exit 3': <\w+Transport .*pid=",
    ):
        assert re.search(expected, told), told


def test_dropping_it_open_warns_and_kills(run, loop, start, gate):
    async def main():
        transport = await start("/bin/cat", stdin=gate.reader)
        process = transport.get_extra_info("subprocess")
        waiting = asyncio.ensure_future(transport._wait())
        await asyncio.sleep(0)
        with pytest.warns(ResourceWarning, match=r"unclosed transport <.* running>"):
            type(transport).__del__(transport)
        assert await waiting == -signal.SIGKILL
        return process

    assert run(main()).returncode == -signal.SIGKILL


@pytest.mark.parametrize("kind", ["aioxide"])
def test_a_loop_closed_before_the_end(loop_factory, gate, kind):
    """The descriptor of the child goes with the loop; asyncio leaves it open."""
    loop = loop_factory()

    async def main():
        transport, _ = await loop.subprocess_exec(
            asyncio.SubprocessProtocol, "/bin/cat", stdin=gate.reader, stdout=None, stderr=None
        )
        return transport

    transport = loop.run_until_complete(main())
    process = transport.get_extra_info("subprocess")
    loop.close()
    transport.close()
    assert process.wait() == -signal.SIGKILL


def test_cancelling_the_start_kills_and_reaps(run, loop, gate, monkeypatch):
    started = []

    class Noted(subprocess.Popen):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Noted)

    async def main():
        starting = loop.create_task(asyncio.create_subprocess_exec("/bin/cat", stdin=gate.reader))
        loop.call_soon(starting.cancel)
        with pytest.raises(asyncio.CancelledError):
            await starting

    run(main())
    (process,) = started
    assert process.returncode == -signal.SIGKILL


def test_a_protocol_that_fails_when_connected_is_reported(run, loop, gate, reported):
    class Failing(asyncio.SubprocessProtocol):
        def connection_made(self, transport):
            raise ZeroDivisionError

    async def main():
        transport, _ = await loop.subprocess_exec(
            Failing, "/bin/cat", stdin=gate.reader, stdout=None, stderr=None
        )
        gate.open()
        assert await transport._wait() == 0
        transport.close()

    run(main())
    assert isinstance(reported.take_one()["exception"], ZeroDivisionError)
