"""Processes of ``multiprocessing`` with the start method ``fork``."""

import asyncio
import concurrent.futures
import multiprocessing
import warnings

import pytest

CONTEXT = multiprocessing.get_context("fork")


@pytest.fixture(autouse=True)
def forking_beside_threads_is_intended():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


async def _answer(number):
    await asyncio.sleep(0.001)
    process = await asyncio.create_subprocess_exec("/bin/sh", "-c", f"exit {number}")
    return await process.wait() + await asyncio.to_thread(lambda: 100)


def _work(factory, number, answers):
    with asyncio.Runner(loop_factory=factory) as runner:
        answers.put(runner.run(_answer(number)))


def test_a_process_runs_a_loop_of_its_own(run, loop_factory):
    answers = CONTEXT.SimpleQueue()

    async def main():
        await asyncio.to_thread(lambda: None)
        processes = [
            CONTEXT.Process(target=_work, args=(loop_factory, number, answers))
            for number in range(3)
        ]
        for process in processes:
            process.start()
        loop = asyncio.get_running_loop()
        for process in processes:
            await loop.run_in_executor(None, process.join, 20)
            # An exit that waits for threads of the parent would not come.
            assert process.exitcode == 0
            process.close()

    run(main(), deadline=25)
    assert sorted(answers.get() for _ in range(3)) == [100, 101, 102]
    answers.close()


def test_a_pool_of_processes_as_executor(run, loop):
    async def main():
        with concurrent.futures.ProcessPoolExecutor(2, mp_context=CONTEXT) as pool:
            futures = [loop.run_in_executor(pool, pow, 2, number) for number in range(8)]
            assert await asyncio.gather(*futures) == [2**number for number in range(8)]

    run(main(), deadline=25)
