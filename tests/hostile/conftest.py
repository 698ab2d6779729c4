"""Each test here is a program that may crash: it runs in a process forked for it alone.

A crash, a Rust panic and a hang are failures of that test, and the run goes on. So is an
exception that only a broken native method raises (``SystemError``, ``PanicException``),
wherever it comes up.
"""

import faulthandler
import gc
import inspect
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings

import pytest

#: Seconds for one program; the sanitizer takes ten times as long.
DEADLINE = 25
#: Seconds after which whatever a call waits for is interrupted.
PATIENCE = 2
SANITIZED = "libasan" in os.environ.get("LD_PRELOAD", "")
#: No program here needs as much; a size taken from the caller does.
MOST_MEMORY = 8 << 30


class Overtime(BaseException):
    """A call has waited for too long."""


def _interrupt(number, frame):
    raise Overtime


def wrong(error):
    """Whether an exception says that native code broke the rules of the interpreter."""
    return type(error).__name__ == "PanicException" or (
        type(error) is SystemError and "exception" in str(error)
    )


def report(error):
    """Make the test fail if ``error`` is one that no program may see."""
    if wrong(error):
        os.write(2, f"wrong: {type(error).__name__}: {error}\n".encode())


@pytest.fixture
def attempt():
    """Calls a function; an exception is as good as a result, unless it says that rules are broken.

    ``attempt(function, *arguments)`` returns the result, or None.
    """

    def call(function, *args, **keywords):
        signal.setitimer(signal.ITIMER_REAL, PATIENCE, 0.1)
        try:
            return function(*args, **keywords)
        except BaseException as error:
            report(error)
            return None
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    return call


@pytest.fixture
def logged():
    """Nothing is kept of what is logged here: these programs provoke it."""
    import logging

    logging.getLogger("asyncio").addHandler(logging.NullHandler())
    logging.getLogger("asyncio").propagate = False


@pytest.fixture
def descriptors_stay_constant():
    """The process ends with the test."""


def _be_the_child(function, arguments, output):
    status = 1
    try:
        os.setpgid(0, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if not SANITIZED:
            faulthandler.enable(2)
            resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
        signal.signal(signal.SIGALRM, _interrupt)
        # Warnings are expected of programs that break rules; a broken method is not.
        warnings.simplefilter("ignore")
        sys.unraisablehook = lambda unraisable: report(unraisable.exc_value)
        function(**arguments)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _wait(child):
    until = time.monotonic() + DEADLINE * (10 if SANITIZED else 1)
    while time.monotonic() < until:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    # It says where it hangs, if it still can.
    os.kill(child, signal.SIGABRT)
    time.sleep(0.3)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


BROKEN = "native code broke a rule"


def complaint(status, output):
    """What is wrong with how a program ended, or nothing."""
    if "panicked at" in output:
        return "a Rust panic"
    if status is None:
        return "it did not end"
    if status < 0:
        return f"it was ended by {signal.Signals(-status).name}"
    if "wrong: " in output or "ERROR: AddressSanitizer" in output:
        return BROKEN
    if status != 0:
        return "the program has failed"
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Run the test's function in a process of its own."""
    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    with tempfile.TemporaryFile() as file:
        with warnings.catch_warnings():
            # Threads of tests before this one do not matter to what is forked.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            _be_the_child(pyfuncitem.obj, arguments, file.fileno())
        status = _wait(child)
        try:
            os.killpg(child, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        file.seek(0)
        output = file.read(100_000).decode("utf-8", "replace")
    found = complaint(status, output)
    crashed = status is None or status < 0 or found == BROKEN
    if crashed and pyfuncitem.funcargs.get("kind") == "asyncio":
        # A fault of CPython's own, of which there are some: the reference has no answer.
        return True
    if found is not None:
        pytest.fail(f"{found}:\n{output}", pytrace=False)
    return True


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """Path of a PEM file with a key and a certificate for localhost."""
    import trustme

    path = tmp_path_factory.mktemp("hostile") / "server.pem"
    trustme.CA().issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(path)
    return path


class Maker:
    """Makes the subjects on a loop of the side under test, and runs that loop."""

    def __init__(self, api, loop_factory, attempt):
        self.api = api
        self.attempt = attempt
        self._loop_factory = loop_factory
        self._loop = None

    @property
    def loop(self):
        if self._loop is None:
            self._loop = self._loop_factory()
            self._loop.set_exception_handler(lambda loop, context: report(context.get("exception")))
        return self._loop

    def __call__(self, way):
        """The object that ``subjects.WAYS`` has under this name."""
        from hostile.subjects import WAYS

        async def make():
            made = WAYS[way](self.api, self.loop)
            return [await made if inspect.iscoroutinefunction(WAYS[way]) else made]

        return self.loop.run_until_complete(make())[0]

    def run_loop(self, iterations=4):
        """Some iterations, whatever has become of the loop."""
        for _ in range(iterations):
            self.attempt(lambda: self.loop.call_soon(self.loop.stop))
            self.attempt(lambda: self.loop.run_forever())

    def settle(self):
        """Run what is ready, then collect what is garbage."""
        self.run_loop()
        self.attempt(gc.collect)


@pytest.fixture
def made(api, loop_factory, attempt, certificate, monkeypatch, logged):
    """Makes subjects: ``made("Lock, held")``; see `Maker`."""
    monkeypatch.setenv("AIOXIDE_HOSTILE_CERTIFICATE", str(certificate))
    return Maker(api, loop_factory, attempt)
