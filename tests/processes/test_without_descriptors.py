"""Where the kernel gives no descriptors of processes, threads wait for them."""

import asyncio
import os
import signal
import threading

import pytest
from aioxide import _aioxide


@pytest.fixture(params=["aioxide"])
def kind(request):
    return request.param


@pytest.fixture(autouse=True)
def no_descriptors():
    """As on a kernel before Linux 5.3, or in a sandbox that forbids the call."""
    _aioxide._use_exit_descriptors(False)
    yield
    _aioxide._use_exit_descriptors(True)


def waiting_threads():
    """The threads that wait for a child, by the names the system has for them."""
    found = []
    for task in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{task}/comm") as name:
            found.append(name.read().strip())
    return [name for name in found if name.startswith("waitpid-")]


def test_each_child_has_a_thread_as_long_as_it_lives(run, gate):
    async def main():
        process = await asyncio.create_subprocess_exec(
            "/bin/sh", "-c", "read line; exit 3", stdin=gate.reader
        )
        while waiting_threads() != [f"waitpid-{process.pid}"]:
            # It names itself first of all.
            await asyncio.sleep(0.001)
        # To Python there is no further thread, nothing that exit would wait for.
        assert threading.active_count() == 1
        gate.open()
        assert await process.wait() == 3
        assert waiting_threads() == []

    run(main())


def test_exit_codes_and_signals(run, gate):
    async def main():
        process = await asyncio.create_subprocess_exec("/bin/sh", "-c", "exit 6")
        assert await process.wait() == 6
        process = await asyncio.create_subprocess_exec("/bin/cat", stdin=gate.reader)
        process.terminate()
        assert await process.wait() == -signal.SIGTERM

    run(main())


def test_many_at_once(run):
    async def exit_with(code):
        process = await asyncio.create_subprocess_exec("/bin/sh", "-c", f"exit {code}")
        return await process.wait()

    async def main():
        assert await asyncio.gather(*map(exit_with, range(40))) == list(range(40))

    run(main())


def test_pipes(run):
    async def main():
        process = await asyncio.create_subprocess_exec("/bin/cat", stdin=-1, stdout=-1)
        assert await process.communicate(b"data") == (b"data", None)
        assert process.returncode == 0

    run(main())


def test_somebody_else_took_the_exit_status(run, start, gate, logged):
    async def main():
        transport = await start("/bin/sh", "-c", "read line; exit 3", stdin=gate.reader)
        # The thread leaves the child to whoever asks first.
        gate.open()
        os.waitpid(transport.get_pid(), 0)
        assert await transport._wait() == 255
        transport.close()

    run(main())
    assert "will report returncode 255" in logged.take_one().getMessage()


def test_the_loop_is_closed_before_the_child_ends(run_script):
    source = """
        import asyncio, os
        import aioxide

        aioxide._aioxide._use_exit_descriptors(False)
        reader, writer = os.pipe()
        loop = aioxide.new_event_loop()
        transport, _ = loop.run_until_complete(loop.subprocess_exec(
            asyncio.SubprocessProtocol, "/bin/sh", "-c", "read line; exit 5",
            stdin=reader, stdout=None, stderr=None))
        process = transport.get_extra_info("subprocess")
        loop.close()
        os.close(writer)
        print(process.wait())
        transport.close()
    """
    result = run_script(source)
    assert (result.stdout, result.stderr) == ("5\n", "")


def test_the_program_ends_before_the_child(run_script):
    source = """
        import asyncio, os
        import aioxide

        aioxide._aioxide._use_exit_descriptors(False)

        async def main():
            reader, writer = os.pipe()
            process = await asyncio.create_subprocess_exec("/bin/cat", stdin=reader)
            print("waits", flush=True)

        aioxide.run(main())
    """
    result = run_script(source, options=("-W", "ignore"))
    assert (result.stdout, result.returncode) == ("waits\n", 0)


def test_a_sandbox_that_forbids_the_call(run_script):
    """With a real filter of system calls: the kernel says EPERM."""
    source = """
        import asyncio, ctypes, os, platform, struct
        import aioxide

        AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}[platform.machine()]
        PIDFD_OPEN, ALLOW, REFUSE_EPERM = 434, 0x7FFF0000, 0x00050001
        LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
        program = b"".join(struct.pack("HBBI", *line) for line in [
            (LOAD, 0, 0, 4),
            (JUMP_IF_EQUAL, 0, 3, AUDIT),
            (LOAD, 0, 0, 0),
            (JUMP_IF_EQUAL, 0, 1, PIDFD_OPEN),
            (RETURN, 0, 0, REFUSE_EPERM),
            (RETURN, 0, 0, ALLOW),
        ])
        libc = ctypes.CDLL(None, use_errno=True)
        buffer = ctypes.create_string_buffer(program)
        filter_ = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))
        assert libc.prctl(38, 1, 0, 0, 0) == 0
        assert libc.prctl(22, 2, filter_, 0, 0) == 0, ctypes.get_errno()
        try:
            os.pidfd_open(os.getpid())
        except PermissionError:
            pass
        else:
            raise SystemExit("the filter does not work")

        async def main():
            process = await asyncio.create_subprocess_exec("/bin/sh", "-c", "exit 12")
            print(await process.wait())

        aioxide._aioxide._use_exit_descriptors(True)
        aioxide.run(main())
    """
    result = run_script(source)
    assert (result.stdout, result.stderr) == ("12\n", "")
