"""Children made by ``os.fork``, which report how they fared."""

import os
import signal
import traceback
import warnings

import pytest

DEADLINE = 20  # seconds


class Child:
    """A forked child that runs one function and ends."""

    def __init__(self, work):
        reader, writer = os.pipe()
        with warnings.catch_warnings():
            # There are other threads, as in many a program that forks.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
        if self.pid == 0:
            # Nothing of the parent's may go on in the child, pytest least of all.
            signal.alarm(DEADLINE)
            os.close(reader)
            try:
                work()
            except BaseException:
                os.write(writer, traceback.format_exc().encode())
                os._exit(1)
            os._exit(0)
        os.close(writer)
        self._reader = reader

    def join(self):
        """Wait for the child; a failure there is one here."""
        with open(self._reader, "rb") as report:
            text = report.read().decode()
        status = os.waitpid(self.pid, 0)[1]
        assert not text, f"in the child:\n{text}"
        assert os.waitstatus_to_exitcode(status) == 0


@pytest.fixture
def fork():
    """Forks: ``fork(work)`` gives a ``Child`` that calls ``work()``, to be joined."""
    return Child
