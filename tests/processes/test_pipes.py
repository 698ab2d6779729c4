"""Talking to children through pipes."""

import asyncio
import os
import sys

import pytest

PIPE = asyncio.subprocess.PIPE


def test_communicate(run):
    async def main():
        process = await asyncio.create_subprocess_exec(
            "/bin/sh", "-c", "cat; echo done >&2", stdin=PIPE, stdout=PIPE, stderr=PIPE
        )
        data = os.urandom(300_000)
        assert await process.communicate(data) == (data, b"done\n")
        assert process.returncode == 0

    run(main())


def test_a_conversation(run):
    async def main():
        process = await asyncio.create_subprocess_exec("/bin/cat", stdin=PIPE, stdout=PIPE)
        for number in range(20):
            line = f"line {number}\n".encode()
            process.stdin.write(line)
            await process.stdin.drain()
            assert await process.stdout.readline() == line
        process.stdin.close()
        await process.stdin.wait_closed()
        assert await process.stdout.read() == b""
        assert await process.wait() == 0

    run(main())


def test_output_after_the_end(run):
    async def main():
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "print('x' * 50_000); raise SystemExit(4)", stdout=PIPE
        )
        waiting = asyncio.ensure_future(process.wait())
        assert await process.stdout.read() == b"x" * 50_000 + b"\n"
        assert await waiting == 4

    run(main())


def test_input_nobody_reads(run):
    async def main():
        process = await asyncio.create_subprocess_exec("/bin/true", stdin=PIPE)
        # Neither the write nor the closing of a pipe without reader is an error here.
        assert await process.communicate(b"x" * 1_000_000) == (None, None)
        assert process.returncode == 0

    run(main())


def test_a_broken_pipe_is_an_error_to_a_writer_who_asks(run):
    async def main():
        process = await asyncio.create_subprocess_exec("/bin/true", stdin=PIPE)
        await process.wait()
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            for _ in range(100):
                process.stdin.write(b"x" * 100_000)
                await process.stdin.drain()

    run(main())


def test_many_conversations_at_once(run):
    async def shout(number):
        process = await asyncio.create_subprocess_exec(
            "/usr/bin/tr", "a-z", "A-Z", stdin=PIPE, stdout=PIPE
        )
        output, _ = await process.communicate(f"number {number}".encode() * 1000)
        return output == f"NUMBER {number}".encode() * 1000

    async def main():
        assert all(await asyncio.gather(*map(shout, range(30))))

    run(main())


def test_order_of_the_calls_of_a_protocol(run, loop, recorder):
    async def main():
        transport, _ = await loop.subprocess_exec(
            lambda: recorder, "/bin/sh", "-c", "cat; exit 2", stderr=None
        )
        assert recorder.calls == ["connection_made"]
        assert transport.get_pipe_transport(2) is None
        stdin, stdout = transport.get_pipe_transport(0), transport.get_pipe_transport(1)
        stdin.write(b"data")
        stdin.close()
        assert await transport._wait() == 2
        # The end of the output may be seen later than that of the process.
        while ("connection_lost", None) not in recorder.calls:
            await asyncio.sleep(0)
        assert stdin.is_closing() and stdout.is_closing()
        transport.close()

    run(main())
    calls = recorder.calls
    assert calls[0] == "connection_made"
    assert calls[-1] == ("connection_lost", None)
    received = calls.index(("pipe_data_received", 1, b"data"))
    assert calls.index(("pipe_connection_lost", 1, None)) > received
    assert sorted(map(str, calls[1:-1])) == sorted(
        map(
            str,
            [
                ("pipe_data_received", 1, b"data"),
                ("pipe_connection_lost", 0, None),
                ("pipe_connection_lost", 1, None),
                ("process_exited", 2),
            ],
        )
    )


def test_the_connection_lasts_as_long_as_the_pipes(run, loop, recorder, gate):
    """A grandchild that keeps the output open keeps the transport waiting."""

    async def main():
        transport, _ = await loop.subprocess_exec(
            lambda: recorder,
            "/bin/sh",
            "-c",
            "exec 3<&0; (read line <&3; echo late) & exit 0",
            stdin=gate.reader,
            stderr=None,
        )
        while ("process_exited", 0) not in recorder.calls:
            await asyncio.sleep(0.001)
        assert ("connection_lost", None) not in recorder.calls
        assert transport.get_returncode() == 0
        # Signals to a process that has ended are sent in vain, until the transport is gone.
        transport.send_signal(0)
        gate.open()
        while ("connection_lost", None) not in recorder.calls:
            await asyncio.sleep(0.001)
        assert ("pipe_data_received", 1, b"late\n") in recorder.calls
        transport.close()

    run(main())


def test_backpressure_reaches_the_protocol(run, loop):
    class Pausing(asyncio.SubprocessProtocol):
        def __init__(self):
            self.calls = []

        def pause_writing(self):
            self.calls.append("pause")

        def resume_writing(self):
            self.calls.append("resume")

    async def main():
        transport, protocol = await loop.subprocess_exec(
            Pausing, "/bin/sh", "-c", "read line; cat >/dev/null", stdout=None, stderr=None
        )
        stdin = transport.get_pipe_transport(0)
        stdin.write(b"x" * 1_000_000)
        assert protocol.calls == ["pause"]
        stdin.write(b"\n")
        stdin.close()
        assert await transport._wait() == 0
        assert protocol.calls == ["pause", "resume"]
        transport.close()

    run(main())
