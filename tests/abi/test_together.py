"""Extensions of different versions, languages and compiler profiles in one process."""

import asyncio
import time

import aioxide
import pytest
from abi import building
from aioxide import testing


@pytest.fixture(scope="session", params=["dev", "release"])
def rust(request, tmp_path_factory):
    """The extension in Rust: unoptimised, or optimised and with ``panic = "abort"``."""
    return building.compile_in_rust(tmp_path_factory.mktemp("rust"), request.param)


def test_a_table_of_functions_may_be_longer(later_module):
    async def main():
        program = (("suspend", 2), ("sleep", 0), ("thread", 0.0), ("return", 7))
        assert await later_module.run(program) == 7

    aioxide.run(main())
    assert later_module.counts() == (0, 0, 0)


def test_extensions_of_two_versions_at_once(probe, later_module):
    async def main():
        program = (("suspend", 3), ("sleep", 0.001), ("thread", 0.0))
        inner = later_module.run((("suspend", 2), ("return", "later")))
        both = [module.run(program) for module in (probe, later_module) for _ in range(100)]
        results = await asyncio.gather(probe.run((("await", inner),)), *both)
        assert results[0] == "later"

    aioxide.run(main())
    assert later_module.counts() == (0, 0, 0)


def test_rust_sleeps(rust):
    async def main():
        loop = asyncio.get_running_loop()
        start = loop.time()
        assert await rust.probe_sleep(3600) == 3600
        assert loop.time() - start >= 3600

    testing.run(main())


def test_rust_waits_for_two_with_wakers_of_its_own(rust):
    async def main():
        loop = asyncio.get_running_loop()
        for times in ((3600, 1800), (1800, 3600), (0, 3600), (0, 0)):
            start = loop.time()
            assert await rust.probe_sleep_both(*times) == sum(times)
            assert max(times) <= loop.time() - start < max(times) + 60

    testing.run(main())


def test_rust_is_cancelled(rust):
    async def main():
        tasks = [asyncio.create_task(rust.probe_sleep_both(1000, 2000)) for _ in range(100)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert all(task.cancelled() for task in tasks)

    aioxide.run(main())


def test_rust_beside_c(rust, probe):
    async def main():
        inner = rust.probe_sleep(0.001)
        assert await probe.run((("await", inner),)) == 0.001
        await asyncio.gather(
            *[
                made
                for _ in range(100)
                for made in (rust.probe_sleep(0.001), probe.run((("sleep", 0.001),)))
            ]
        )

    aioxide.run(main())


def test_a_panic_in_an_extension_that_unwinds(tmp_path_factory, capfd):
    """One that aborts ends the process by its own choice: no loop can know of that."""
    rust = building.compile_in_rust(tmp_path_factory.mktemp("rust"), "dev")

    async def main():
        with pytest.raises(SystemError, match="panicked"):
            await rust.probe_panic()

    aioxide.run(main())
    assert "on purpose" in capfd.readouterr().err


def test_rust_is_shown_by_its_path(rust):
    coroutine = rust.probe_sleep(0)
    code = coroutine.cr_code
    assert coroutine.__qualname__ == "probe"
    assert (code.co_name, code.co_filename) == ("abi_probe::probe", "src/lib.rs")
    assert code.co_firstlineno > 0
    coroutine.close()


def test_many_timers(rust):
    async def main():
        await asyncio.gather(*[rust.probe_sleep(number / 100) for number in range(2000)])

    start = time.monotonic()
    testing.run(main())
    assert time.monotonic() - start < 20
