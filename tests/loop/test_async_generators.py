"""Who finishes an asynchronous generator that nobody exhausts?"""

import asyncio
import gc
import sys
import threading

import pytest


async def counting(log, name="generator"):
    try:
        for number in range(100):
            yield number
    finally:
        await asyncio.sleep(0)
        log.append(f"{name} closed")


def test_the_hooks_are_set_while_the_loop_runs(loop, run):
    async def main():
        return sys.get_asyncgen_hooks()

    before = sys.get_asyncgen_hooks()
    during = run(main())
    assert callable(during.firstiter) and callable(during.finalizer)
    assert sys.get_asyncgen_hooks() == before


def test_hooks_of_the_caller_come_back(loop):
    def firstiter(generator):
        raise AssertionError("not while the loop runs")

    async def main():
        async for _ in counting([]):
            pass

    before = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(firstiter=firstiter)
    try:
        loop.run_until_complete(main())
        assert sys.get_asyncgen_hooks() == (firstiter, before.finalizer)
    finally:
        sys.set_asyncgen_hooks(*before)


def test_a_generator_dropped_half_way_is_closed_by_the_loop(loop, run):
    log = []

    async def main():
        generator = counting(log)
        assert await generator.__anext__() == 0
        del generator
        gc.collect()
        # One iteration for the call of the finalizer, then two steps of its task.
        for _ in range(4):
            await asyncio.sleep(0)

    run(main())
    assert log == ["generator closed"]


def test_a_generator_dropped_in_another_thread_is_closed_by_the_loop(loop, run):
    log = []

    async def main():
        held = [counting(log)]
        await held[0].__anext__()
        thread = threading.Thread(target=held.clear)
        thread.start()
        thread.join(10)
        for _ in range(4):
            await asyncio.sleep(0)

    run(main())
    assert log == ["generator closed"]


def test_shutdown_closes_every_generator_that_is_left(loop):
    log, held = [], []

    async def main():
        for number in range(5):
            generator = counting(log, number)
            held.append(generator)
            await generator.__anext__()

    loop.run_until_complete(main())
    assert log == []
    assert loop.run_until_complete(loop.shutdown_asyncgens()) is None
    assert sorted(log) == [f"{number} closed" for number in range(5)]


def test_shutdown_without_generators_does_nothing(loop):
    assert loop.run_until_complete(loop.shutdown_asyncgens()) is None
    assert loop.run_until_complete(loop.shutdown_asyncgens()) is None


def test_an_exhausted_generator_is_not_closed_again(loop):
    log = []

    async def main():
        generator = counting(log)
        async for _ in generator:
            pass
        return generator

    generator = loop.run_until_complete(main())
    loop.run_until_complete(loop.shutdown_asyncgens())
    assert log == ["generator closed"]
    del generator


def test_shutdown_reports_a_generator_that_fails_to_close(loop, reported):
    async def failing():
        try:
            yield 1
        finally:
            raise ValueError("while closing")

    log = []

    async def main():
        first, second = failing(), counting(log)
        await first.__anext__()
        await second.__anext__()
        return first, second

    first, second = loop.run_until_complete(main())
    text = f"an error occurred during closing of asynchronous generator {first!r}"
    loop.run_until_complete(loop.shutdown_asyncgens())
    context = reported.take_one()
    assert context["message"] == text
    assert type(context["exception"]) is ValueError
    assert context["asyncgen"] is first
    assert log == ["generator closed"]


def test_a_generator_begun_after_shutdown_warns(loop):
    log = []

    async def main():
        await loop.shutdown_asyncgens()
        generator = counting(log)
        with pytest.warns(ResourceWarning) as warned:
            await generator.__anext__()
        assert [str(warning.message) for warning in warned] == [
            f"asynchronous generator {generator!r} was scheduled after "
            "loop.shutdown_asyncgens() call"
        ]
        await generator.aclose()

    loop.run_until_complete(main())
    assert log == ["generator closed"]


def test_a_generator_dropped_after_the_loop_is_closed_harms_nobody(loop):
    async def simple():
        try:
            yield 1
        finally:
            log.append("closed")

    log = []

    async def main():
        generator = simple()
        await generator.__anext__()
        return generator

    generator = loop.run_until_complete(main())
    loop.close()
    del generator
    gc.collect()
    # Nobody is left who could run its finally block.
    assert log == []


def test_generators_of_two_loops_are_kept_apart(loop, new_loop):
    other = new_loop()
    log, held = [], []

    async def main(name):
        generator = counting(log, name)
        held.append(generator)
        await generator.__anext__()

    loop.run_until_complete(main("one"))
    other.run_until_complete(main("other"))
    loop.run_until_complete(loop.shutdown_asyncgens())
    assert log == ["one closed"]
    other.run_until_complete(other.shutdown_asyncgens())
    assert log == ["one closed", "other closed"]
