"""Extension modules on the table, compiled once for the tests of a run."""

import os

import pytest
from abi import building


@pytest.fixture(autouse=True)
def aioxide_is_wanted():
    """The table has no counterpart in the standard library."""
    wanted = os.environ.get("AIOXIDE_TEST_LOOPS")
    if wanted and "aioxide" not in wanted.split(","):
        pytest.skip(f"AIOXIDE_TEST_LOOPS={wanted} leaves aioxide out")


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Where the modules are, for programs in a process of their own."""
    return tmp_path_factory.mktemp("abi")


@pytest.fixture(scope="session")
def module(folder):
    """The extension in C. Use ``probe``, which looks at what is left behind."""
    return building.load(building.compile_in_c(folder, "probe"))


@pytest.fixture(scope="session")
def later_module(folder):
    """The same as of a later version: its table of functions is longer."""
    return building.load(building.compile_in_c(folder, "later_probe", extra=3))


@pytest.fixture
def probe(module):
    """The extension in C. A test has to let go of all bodies, wakers and calls."""
    yield module
    assert module.counts() == (0, 0, 0)


@pytest.fixture
def run_with_probe(run_script, module, folder):
    """Runs a program that may ``import probe``, in a process of its own."""

    def run(source, **options):
        path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
        return run_script(source, env={"PYTHONPATH": path}, **options)

    return run
