"""The same coroutines where another loop runs: they await what the extension gives them."""

import asyncio
import contextlib
import gc
import weakref

import pytest


def uvloop_loop():
    return pytest.importorskip("uvloop").new_event_loop()


@pytest.fixture(scope="session", autouse=True)
def uvloop_is_ready():
    """What it opens once in a process, for forks, is there before the first test counts."""
    with contextlib.suppress(pytest.skip.Exception):
        uvloop_loop().close()


@pytest.fixture(params=[asyncio.SelectorEventLoop, uvloop_loop], ids=["asyncio", "uvloop"])
def loop(request):
    made = request.param()
    yield made
    made.run_until_complete(made.shutdown_default_executor())
    made.close()


def test_a_ready_future(probe, loop):
    assert loop.run_until_complete(probe.run((("return", 7),))) == 7


def test_it_is_a_task_there(probe, loop):
    async def main():
        task = asyncio.create_task(probe.run((("suspend", 3), ("return", 7))))
        assert task in asyncio.all_tasks()
        assert await task == 7

    loop.run_until_complete(main())


def test_nothing_is_a_yield(probe, loop):
    async def main():
        order = []

        async def foreign():
            await probe.run((("suspend", 2),))
            order.append("foreign")

        async def python():
            for number in range(3):
                order.append(number)
                await asyncio.sleep(0)

        await asyncio.gather(foreign(), python())
        assert order == [0, 1, "foreign", 2]

    loop.run_until_complete(main())


def test_it_awaits_a_future_of_that_loop(probe, loop):
    async def main():
        future = loop.create_future()
        loop.call_soon(future.set_result, None)
        assert await probe.run((("await", future), ("return", 3))) == 3

    loop.run_until_complete(main())


def test_it_awaits_a_coroutine(probe, loop):
    async def main():
        assert await probe.run((("await", asyncio.sleep(0.001)), ("return", 3))) == 3

    loop.run_until_complete(main())


def test_what_cannot_be_awaited_is_an_error(probe, loop):
    async def main():
        with pytest.raises(TypeError):
            await probe.run((("await", 3),))

    loop.run_until_complete(main())


def test_cancellation_drops_the_future_before_it_is_raised(probe, loop):
    async def main():
        order = []
        future = loop.create_future()
        task = asyncio.create_task(probe.run((("await", future),), lambda: order.append("dropped")))
        await asyncio.sleep(0)
        task.add_done_callback(lambda task: order.append("cancelled"))
        task.cancel()
        await asyncio.wait([task])
        assert order == ["dropped", "cancelled"]
        assert future.cancelled()

    loop.run_until_complete(main())


def test_an_exception_of_what_it_awaits_is_raised(probe, loop):
    async def main():
        future = loop.create_future()
        future.set_exception(KeyError("its own"))
        with pytest.raises(KeyError, match="its own"):
            await probe.run((("await", future),))

    loop.run_until_complete(main())


def test_the_entries_for_a_loop_refuse(probe, loop):
    async def main():
        for operation in (("sleep", 0.0), ("ready", (0, 0)), ("thread", 0.0), ("time",)):
            with pytest.raises(RuntimeError, match="needs a loop of aioxide"):
                await probe.run((operation,))

    loop.run_until_complete(main())


def test_references_can_be_held(probe, loop):
    async def main():
        thing = object()
        program = (("hold", thing), ("suspend", 1), ("held",))
        assert await probe.run(program) is thing

    loop.run_until_complete(main())


def test_the_running_loop_is_none_of_ours(probe, loop):
    async def main():
        assert probe.running_loop() is None

    loop.run_until_complete(main())
    assert probe.running_loop() is None


def test_the_running_loop_of_ours(probe):
    import aioxide

    async def main():
        assert probe.running_loop() is asyncio.get_running_loop()

    aioxide.run(main())


def test_a_cycle_is_collected(probe, loop):
    class Witness:
        pass

    async def main():
        witness = Witness()
        reference = weakref.ref(witness)
        coroutine = probe.run((("hold", witness), ("await", loop.create_future())))
        coroutine.send(None)
        witness.coroutine = coroutine
        del witness, coroutine
        gc.collect()
        assert reference() is None

    loop.run_until_complete(main())
