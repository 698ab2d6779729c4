"""The pytest plugin, in a pytest of its own."""

import os
import subprocess
import sys
import textwrap

import pytest


@pytest.fixture
def run_pytest(tmp_path):
    """Runs pytest on one file: ``run_pytest(source, *options)``; a ``CompletedProcess``."""

    def run(source, *options):
        (tmp_path / "test_it.py").write_text(textwrap.dedent(source))
        (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
        # Other plugins of this environment are none of these tests' business.
        environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
        plugin = ("-p", "aioxide.testing.plugin", "-p", "no:cacheprovider")
        return subprocess.run(
            [sys.executable, "-m", "pytest", "--strict-markers", *options, *plugin],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=25,
        )

    return run


TESTS = """
    import asyncio
    import pytest
    from aioxide.testing import DeadlockError, VirtualLoop

    def test_fixture(virtual_loop):
        virtual_loop.run_until_complete(asyncio.sleep(3600))
        assert virtual_loop.time() == 3600

    async def test_async_with_fixture(virtual_loop):
        assert asyncio.get_running_loop() is virtual_loop
        await asyncio.sleep(3600)
        assert virtual_loop.time() == 3600

    @pytest.mark.virtual_loop(start=50.0)
    async def test_async_with_marker(tmp_path):
        assert tmp_path.exists()
        assert asyncio.get_running_loop().time() == 50.0

    class TestClass:
        def setup_method(self):
            self.ready = True

        @pytest.mark.virtual_loop
        async def test_method(self):
            assert self.ready
            assert isinstance(asyncio.get_running_loop(), VirtualLoop)

    left = []

    @pytest.mark.virtual_loop
    async def test_leaves_a_task():
        async def waits():
            try:
                await asyncio.sleep(3600)
            finally:
                left.append("cancelled")
        left.append(asyncio.create_task(waits()))
        await asyncio.sleep(1)

    def test_what_was_left_is_cancelled():
        assert left[1:] == ["cancelled"]

    @pytest.mark.virtual_loop
    @pytest.mark.parametrize("delay", [1, 2])
    async def test_parametrized(delay):
        await asyncio.sleep(delay)
        assert asyncio.get_running_loop().time() == delay

    @pytest.mark.virtual_loop
    async def test_deadlock():
        with pytest.raises(ZeroDivisionError):
            await asyncio.Event().wait()

    @pytest.mark.interleavings(n=3, seed=10)
    def test_synchronous(virtual_loop):
        virtual_loop.run_until_complete(asyncio.sleep(1))
"""


def test_tests_run_on_virtual_loops(run_pytest):
    result = run_pytest(TESTS, "-v")
    assert "1 failed, 11 passed" in result.stdout, result.stdout
    assert "DeadlockError: nothing can happen any more" in result.stdout
    assert "waits for Event.wait()" in result.stdout
    assert "test_synchronous[seed=12] PASSED" in result.stdout


FAILS_IN_SOME_ORDERS = """
    import asyncio
    import pytest

    @pytest.mark.interleavings(n=20)
    async def test_order():
        written = []

        async def write():
            written.append(True)

        async def read():
            assert written

        async with asyncio.TaskGroup() as group:
            group.create_task(write())
            group.create_task(read())
"""


def test_a_failing_seed_is_printed_and_replayed(run_pytest):
    result = run_pytest(FAILS_IN_SOME_ORDERS)
    assert result.returncode == 1
    lines = [line for line in result.stdout.splitlines() if line.startswith("seed ")]
    seed = lines[0].split(";")[0].removeprefix("seed ")
    assert lines[0].endswith(f"again: pytest --interleaving-seed={seed} 'test_it.py::test_order'")
    again = run_pytest(FAILS_IN_SOME_ORDERS, f"--interleaving-seed={seed}")
    assert "1 failed" in again.stdout and "passed" not in again.stdout, again.stdout
    assert f"test_order[seed={seed}]" in again.stdout


def test_the_number_of_interleavings_can_be_given(run_pytest):
    result = run_pytest(FAILS_IN_SOME_ORDERS, "--interleavings=4", "--collect-only", "-q")
    assert "4 tests collected" in result.stdout
    assert "test_order[seed=3]" in result.stdout


@pytest.mark.parametrize(
    "marker, message",
    [
        ("interleavings(n=0)", "n from 1 and seed from 0 on, not n=0, seed=0"),
        ("interleavings(5)", "interleavings takes n and seed, not (5)"),
        ("interleavings(count=5)", "interleavings takes n and seed, not (count=5)"),
    ],
)
def test_wrong_markers_are_named(run_pytest, marker, message):
    result = run_pytest(f"import pytest\n@pytest.mark.{marker}\ndef test(): pass\n")
    assert result.returncode != 0
    assert message in result.stdout + result.stderr


def test_wrong_options_are_named(run_pytest):
    result = run_pytest("", "--interleavings=0")
    assert "--interleavings is 1 or more, not 0" in result.stderr


WITH_PYTEST_ASYNCIO = """
    import asyncio
    import pytest
    from aioxide.testing import VirtualLoop

    @pytest.mark.virtual_loop
    async def test_ours():
        assert isinstance(asyncio.get_running_loop(), VirtualLoop)
        await asyncio.sleep(3600)

    @pytest.mark.interleavings(n=2)
    async def test_interleaved():
        assert isinstance(asyncio.get_running_loop(), VirtualLoop)

    @pytest.mark.asyncio
    async def test_theirs():
        assert not isinstance(asyncio.get_running_loop(), VirtualLoop)
"""


@pytest.mark.parametrize("mode", ["strict", "auto"])
@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_pytest_asyncio_keeps_its_tests_and_gets_none_of_ours(run_pytest, mode, first):
    ours, theirs = ("-p", "aioxide.testing.plugin"), ("-p", "pytest_asyncio.plugin")
    plugins = (*ours, *theirs) if first == "ours" else (*theirs, *ours)
    scope = ("-o", "asyncio_default_fixture_loop_scope=function")
    result = run_pytest(WITH_PYTEST_ASYNCIO, *plugins, *scope, f"--asyncio-mode={mode}")
    assert "4 passed" in result.stdout, result.stdout
