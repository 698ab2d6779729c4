"""Runs the tests of an extension on the loop that ``AIOXIDE_PYO3_SIDE`` names.

| side | loop | aioxide in the process |
|---|---|---|
| ``asyncio``, ``uvloop`` | that one | no |
| ``minimal`` | asyncio's, without ``add_reader`` and its kin | no |
| ``aioxide`` | aioxide's | yes: the coroutines are its own |
| ``aioxide-on-asyncio`` | asyncio's | yes: the coroutines are its own, on another loop |

``AIOXIDE_PYO3_PROBE`` is the path of the compiled ``aioxide-pyo3-probe``.
"""

import asyncio
import gc
import os
import subprocess
import sys
import textwrap

import pytest

SIDES = ("aioxide", "asyncio", "uvloop", "minimal", "aioxide-on-asyncio")
SIDE = os.environ.get("AIOXIDE_PYO3_SIDE", "asyncio")
NAME = "aioxide_pyo3_probe"

if SIDE not in SIDES:
    raise pytest.UsageError(f"AIOXIDE_PYO3_SIDE={SIDE!r} is none of {', '.join(SIDES)}")

#: What a program of its own needs to run as the tests do: the module, and a function that runs a
#: coroutine function.
PREAMBLE = """
import asyncio, importlib.machinery, importlib.util, os, sys
side = {side!r}
if side.startswith("aioxide"):
    import aioxide
class Minimal(asyncio.SelectorEventLoop):
    "Watches no descriptors for others: what asyncio's Proactor loop is on Windows."
    def add_reader(self, *arguments):
        raise NotImplementedError
    remove_reader = add_writer = remove_writer = add_reader
def load():
    loader = importlib.machinery.ExtensionFileLoader({name!r}, {path!r})
    spec = importlib.util.spec_from_file_location({name!r}, {path!r}, loader=loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    sys.modules[{name!r}] = module
    return module
def run(main, **options):
    if side == "aioxide":
        return aioxide.run(main(), **options)
    if side == "uvloop":
        import uvloop
        options["loop_factory"] = uvloop.new_event_loop
    if side == "minimal":
        options["loop_factory"] = Minimal
    if sys.version_info < (3, 12):
        with asyncio.Runner(**options) as runner:
            return runner.run(main())
    return asyncio.run(main(), **options)
probe = load()
"""


def path_of_probe():
    path = os.environ.get("AIOXIDE_PYO3_PROBE")
    if not path:
        raise pytest.UsageError("AIOXIDE_PYO3_PROBE is the path of the compiled extension")
    return os.path.abspath(path)


def preamble():
    return PREAMBLE.format(side=SIDE, name=NAME, path=path_of_probe())


def pytest_report_header():
    return f"side: {SIDE}"


def pytest_collection_finish(session):
    gc.collect()
    gc.freeze()


_namespace = {}


def namespace():
    if not _namespace:
        exec(preamble(), _namespace)
    return _namespace


@pytest.fixture
def probe():
    """The extension."""
    return namespace()["probe"]


@pytest.fixture
def run():
    """Runs a coroutine function on a new loop of the side, and returns its result."""
    return namespace()["run"]


@pytest.fixture
def is_native():
    """Whether the coroutines of extensions are aioxide's own, on a loop of aioxide's."""
    return SIDE == "aioxide"


@pytest.fixture
def has_aioxide():
    """Whether aioxide is in the process."""
    return SIDE.startswith("aioxide")


@pytest.fixture
def is_minimal():
    """Whether the loop has no ``add_reader``."""
    return SIDE == "minimal"


@pytest.fixture(autouse=True)
def without_aioxide_where_none_is_wanted():
    """The sides without aioxide are without it to the end."""
    yield
    assert "aioxide._aioxide" not in sys.modules or SIDE.startswith("aioxide")


class Program:
    """A Python program with the extension, in a process of its own."""

    def __init__(self, text):
        self.text = preamble() + textwrap.dedent(text)

    def run(self, *, timeout=50):
        """Runs it; returns the finished process, its output as text."""
        environment = {**os.environ, "PYTHONFAULTHANDLER": "1"}
        return subprocess.run(
            [sys.executable, "-X", "dev", "-W", "ignore::DeprecationWarning", "-c", self.text],
            capture_output=True,
            text=True,
            timeout=timeout,
            env=environment,
            check=False,
        )

    def output(self, **options):
        """Runs it to its good end, and returns what it has printed."""
        done = self.run(**options)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def program():
    """Makes a :class:`Program`."""
    return Program


async def until(condition):
    """Lets the loop run until `condition()` holds."""
    while not condition():
        await asyncio.sleep(0)


@pytest.fixture(name="until")
def until_fixture():
    return until
