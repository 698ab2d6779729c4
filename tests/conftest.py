"""Fixtures of the whole suite: every behaviour test runs on aioxide and on the standard library.

The standard library is the reference. A test that passes there and fails on aioxide is a
difference in behaviour; a test that fails on both is a wrong test.

``AIOXIDE_TEST_LOOPS=asyncio`` (or ``aioxide``, or both separated by a comma) restricts the
run to that side. By default both run, and an aioxide that cannot be imported is an error.
"""

import asyncio
import gc
import importlib
import logging
import os
import subprocess
import sys
import textwrap

import pytest

KINDS = ("aioxide", "asyncio")
DESCRIPTORS = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"


def requested_kinds():
    """The sides to run, from ``AIOXIDE_TEST_LOOPS``; both when it is not set."""
    wanted = os.environ.get("AIOXIDE_TEST_LOOPS")
    if not wanted:
        return KINDS
    chosen = tuple(name.strip() for name in wanted.split(","))
    unknown = [name for name in chosen if name not in KINDS]
    if unknown:
        raise pytest.UsageError(
            f"AIOXIDE_TEST_LOOPS={wanted!r}: {unknown[0]!r} is none of {', '.join(KINDS)}"
        )
    return chosen


def pytest_collection_finish(session):
    # What exists now stays for the whole run; without it a full collection per test is cheap.
    gc.collect()
    gc.freeze()


@pytest.fixture(params=requested_kinds())
def kind(request):
    """The side under test: ``"aioxide"`` or ``"asyncio"``."""
    return request.param


@pytest.fixture
def deep(kind):
    """For chains that use up the stack of a debug build of the interpreter on asyncio's side."""
    if kind == "asyncio" and hasattr(sys, "gettotalrefcount"):
        pytest.skip("CPython's own objects overflow the stack of a debug build")


@pytest.fixture
def api(kind):
    """The module under test: everything in ``asyncio.__all__`` is an attribute of it."""
    return importlib.import_module(kind)


@pytest.fixture
def loop_factory(kind, api):
    """A callable without arguments that makes a new loop of the side under test."""
    # Not asyncio.new_event_loop: the policy in force may be somebody else's.
    return asyncio.SelectorEventLoop if kind == "asyncio" else api.new_event_loop


@pytest.fixture
def Future(api):
    """The Future class of the side under test."""
    return api.Future


@pytest.fixture
def Task(api):
    """The Task class of the side under test."""
    return api.Task


def open_descriptors():
    """Every open descriptor with what it refers to: ``{number: target}``."""
    found = {}
    for name in os.listdir(DESCRIPTORS):
        try:
            found[int(name)] = os.readlink(f"{DESCRIPTORS}/{name}")
        except OSError:
            # The descriptor of the listing itself is closed by now; on macOS none is a link.
            try:
                os.fstat(int(name))
            except OSError:
                continue
            found[int(name)] = "?"
    return found


@pytest.fixture(autouse=True)
def descriptors_stay_constant():
    """Fails a test that leaves a descriptor open or closes one that is not its own."""
    before = open_descriptors()
    yield
    after = open_descriptors()
    if after != before:
        gc.collect()
        after = open_descriptors()
    leaked = {number: target for number, target in after.items() if number not in before}
    lost = {number: target for number, target in before.items() if number not in after}
    assert not leaked, f"descriptors left open: {leaked}"
    assert not lost, f"descriptors closed that were open before: {lost}"


class LoggedMessages(logging.Handler):
    """Keeps what is logged under ``asyncio``; what a test does not take is a failure."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.records = []

    def emit(self, record):
        self.records.append(record)

    def take(self):
        """All records so far, warnings and worse, oldest first; forgets them."""
        taken, self.records = self.records, []
        return taken

    def take_one(self):
        """The only record so far; fails when there is none or more than one."""
        taken = self.take()
        assert len(taken) == 1, [record.getMessage() for record in taken]
        return taken[0]


@pytest.fixture
def logged():
    """What the loop logs (level WARNING and above); the test must take every record."""
    logger = logging.getLogger("asyncio")
    messages = LoggedMessages()
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(messages)
    yield messages
    gc.collect()
    logger.removeHandler(messages)
    logger.propagate = propagate
    assert not messages.records, "logged, but not expected: " + "; ".join(
        record.getMessage() for record in messages.take()
    )


def settle_and_close(loop):
    """Cancels what still runs on ``loop``, lets it end, and closes the loop."""
    if loop.is_closed():
        return
    pending = asyncio.all_tasks(loop)
    for task in pending:
        task.cancel()
    if pending:
        # A task that refuses to end must not keep the whole run from ending.
        _, stuck = loop.run_until_complete(asyncio.wait(pending, timeout=5))
        assert not stuck, f"still running after being cancelled: {stuck}"
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


@pytest.fixture
def new_loop(loop_factory, logged):
    """Makes further loops of the side under test; each is settled and closed afterwards."""
    made = []

    def make():
        made.append(loop_factory())
        return made[-1]

    yield make
    for loop in reversed(made):
        settle_and_close(loop)
    asyncio.set_event_loop(None)


@pytest.fixture
def loop(new_loop):
    """A fresh loop, closed after the test; it must leave neither descriptors nor messages."""
    made = new_loop()
    # On a busy machine any callback may take long; who wants to hear of it asks for it.
    made.slow_callback_duration = 3600
    return made


class ReportedContexts(list):
    """The contexts given to a loop's exception handler, oldest first."""

    def __call__(self, loop, context):
        self.append(context)

    def take_one(self):
        """The only context so far; fails when there is none or more than one."""
        assert len(self) == 1, list(self)
        return self.pop()


@pytest.fixture
def reported(loop):
    """The exception handler of ``loop``, as a list of contexts; the test must take each."""
    contexts = ReportedContexts()
    loop.set_exception_handler(contexts)
    yield contexts
    gc.collect()
    loop.set_exception_handler(None)
    assert not contexts, f"reported, but not expected: {list(contexts)}"


@pytest.fixture
def run(loop):
    """Runs a coroutine as a task of ``loop``: ``run(coroutine, deadline=10.0)`` (seconds)."""

    def run_with_deadline(coroutine, deadline=10.0):
        task = loop.create_task(coroutine)
        expired = []

        def expire():
            expired.append(True)
            task.cancel()

        timer = loop.call_later(deadline, expire)
        try:
            return loop.run_until_complete(task)
        except asyncio.CancelledError:
            if expired:
                pytest.fail(f"not finished within {deadline} s: {task!r}", pytrace=False)
            raise
        finally:
            timer.cancel()

    return run_with_deadline


@pytest.fixture
def turn(loop):
    """Runs ``loop`` for so many iterations: ``turn()``, ``turn(3)``."""

    def run_iterations(count=1):
        for _ in range(count):
            loop.call_soon(loop.stop)
            loop.run_forever()

    return run_iterations


@pytest.fixture
def run_script():
    """Runs Python source in an interpreter of its own: ``run_script(source, *arguments)``.

    ``env`` adds environment variables, ``options`` are interpreter options and ``deadline``
    is in seconds. The result is a ``CompletedProcess`` with text output.
    """

    def run_python(source, *arguments, env=None, options=(), deadline=50.0):
        inherited = {k: v for k, v in os.environ.items() if k != "PYTHONASYNCIODEBUG"}
        return subprocess.run(
            [sys.executable, *options, "-c", textwrap.dedent(source), *arguments],
            env={**inherited, **(env or {})},
            capture_output=True,
            text=True,
            timeout=deadline,
        )

    return run_python
