"""Children that end when a test says so, and the check that none is left."""

import contextlib
import os

import pytest


@pytest.fixture(autouse=True)
def no_child_is_left():
    """Fails a test that leaves a child process running, or a zombie."""
    yield
    try:
        left = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return
    pytest.fail(f"child left behind: {left or 'still running'}")


class Gate:
    """A pipe that keeps a child waiting: give ``reader`` to it as stdin, then ``open()``."""

    def __init__(self):
        self.reader, self._writer = os.pipe()

    def open(self):
        """Let every child that waits go on."""
        if self._writer is not None:
            os.close(self._writer)
            self._writer = None

    def close(self):
        self.open()
        os.close(self.reader)


@pytest.fixture
def gate():
    """A closed ``Gate``: ``read line`` in a shell, or ``cat``, waits at it."""
    made = Gate()
    yield made
    made.close()


class Recorder:
    """A subprocess protocol that keeps the calls it gets, without the transport."""

    def __init__(self):
        self.calls = []
        self.transport = None

    def connection_made(self, transport):
        self.transport = transport
        self.calls.append("connection_made")

    def process_exited(self):
        self.calls.append(("process_exited", self.transport.get_returncode()))

    def connection_lost(self, exc):
        self.calls.append(("connection_lost", exc))

    def pipe_data_received(self, fd, data):
        self.calls.append(("pipe_data_received", fd, data))

    def pipe_connection_lost(self, fd, exc):
        self.calls.append(("pipe_connection_lost", fd, exc))


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def start(loop, recorder):
    """Starts a program without pipes and with ``recorder``: ``transport = await start(...)``."""

    async def start_process(*command, **options):
        options = {"stdin": None, "stdout": None, "stderr": None, **options}
        transport, protocol = await loop.subprocess_exec(lambda: recorder, *command, **options)
        assert protocol is recorder
        return transport

    return start_process


@pytest.fixture
def has_ended():
    """Waits, without a turn of the loop, until a child has ended: ``has_ended(pid)``."""

    def wait(pid):
        # Up to Python 3.11 a thread of asyncio's may have reaped it by then.
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)

    return wait
