"""Futures on tokio's runtime."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

#: The threads of this process.
TASKS = Path("/proc/self/task")


def test_a_hop(probe, run):
    async def main():
        assert await probe.tokio_hop() == 1
        assert await probe.tokio_sleep(0.001) == "aioxide-tokio"

    run(main)


def test_its_threads_do_without_the_gil(probe, run):
    async def main():
        assert await probe.tokio_gil() == 0

    run(main)


def test_a_thousand_at_once(probe, run):
    async def main():
        names = await asyncio.gather(*(probe.tokio_sleep(0.002) for _ in range(1000)))
        assert set(names) == {"aioxide-tokio"}
        # One runtime, and no thread of Python's for it.
        assert not [it for it in threading.enumerate() if "tokio" in it.name]
        if TASKS.is_dir():
            names = [task.joinpath("comm").read_text() for task in TASKS.iterdir()]
            assert 1 <= sum(it.startswith("aioxide-tokio") for it in names) <= os.cpu_count()

    run(main)


def test_a_cancellation_aborts(probe, run, until):
    async def main():
        dropped = probe.dropped()
        task = asyncio.get_running_loop().create_task(probe.tokio_never())
        await asyncio.sleep(0)  # It has begun: a hop may be over before anything else runs.
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        # It is dropped on the runtime's thread.
        await until(lambda: probe.dropped() == dropped + 1)

    run(main)


def test_a_panic_becomes_an_exception(probe, run):
    async def main():
        with pytest.raises(SystemError, match="a Rust future panicked: over there"):
            await probe.tokio_panics("over there")
        assert await probe.tokio_hop() == 1

    run(main)


def test_what_belongs_to_the_loop_is_refused_there(probe, run):
    async def main():
        with pytest.raises(SystemError, match="has to be polled by a coroutine of aioxide_pyo3"):
            await probe.tokio_uses_loop()

    run(main)


def test_the_child_of_a_fork_makes_its_own(program):
    assert (
        program("""
        import warnings
        warnings.simplefilter("ignore")

        async def main():
            return await probe.tokio_sleep(0.001)

        assert run(main) == "aioxide-tokio"
        child = os.fork()
        if child == 0:
            assert run(main) == "aioxide-tokio"
            sys.exit(7)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 7, status
        assert run(main) == "aioxide-tokio"
        print("fine")
    """).output()
        == "fine\n"
    )


@pytest.mark.parametrize("call", ["tokio_never", "tokio_spin"])
def test_the_process_ends_while_something_runs(program, call):
    # The bound is a second; the deadline is that of `output`.
    assert (
        program(f"""
        async def main():
            task = asyncio.get_running_loop().create_task(probe.{call}())
            await asyncio.sleep(0)
            await probe.tokio_hop()
            print("leaving", flush=True)

        run(main)
    """).output()
        == "leaving\n"
    )


def test_the_process_ends_with_tasks_pending(program):
    assert (
        program("""
        import gc

        def leave():
            loop = aioxide.new_event_loop() if side == "aioxide" else asyncio.new_event_loop()
            async def begin():
                kept.extend(loop.create_task(it) for it in (
                    probe.forever(), probe.later(1000), probe.tokio_never(), probe.blocks(0.01)))
                await asyncio.sleep(0.001)
            loop.run_until_complete(begin())

        kept = []
        leave()
        print("left", flush=True)
        sys.stderr.close()
    """).output()
        == "left\n"
    )
