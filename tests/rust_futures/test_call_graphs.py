"""Who awaits what Rust futures await: call graphs (Python 3.14)."""

import asyncio
import os
import sys

import aioxide
import pytest
from aioxide._aioxide import RustFutures

pytestmark = [
    pytest.mark.timeout(30),
    pytest.mark.skipif(sys.version_info < (3, 14), reason="call graphs came with Python 3.14"),
]


@pytest.fixture(autouse=True)
def only_once():
    """These tests have no other side: they run on aioxide's loop."""
    if os.environ.get("AIOXIDE_TEST_LOOPS") == "asyncio":
        pytest.skip("aioxide only")


def run(function):
    return aioxide.run(function())


async def wait_for(future):
    return await future


def test_a_task_is_recorded_while_a_rust_future_awaits():
    async def main():
        future = asyncio.get_running_loop().create_future()
        inner = asyncio.create_task(wait_for(future))
        outer = asyncio.create_task(RustFutures.wait_for(inner))
        assert inner._asyncio_awaited_by is None
        await asyncio.sleep(0)
        assert inner._asyncio_awaited_by == {outer}
        future.set_result("done")
        assert await outer == "done"
        assert not inner._asyncio_awaited_by

    run(main)


def test_a_future_and_a_coroutine_are_recorded_too():
    async def main():
        future = asyncio.get_running_loop().create_future()
        outer = [
            asyncio.create_task(RustFutures.wait_for(future)),
            asyncio.create_task(RustFutures.wait_for(wait_for(future))),
        ]
        await asyncio.sleep(0)
        direct = {task for task in future._asyncio_awaited_by if task in outer}
        assert direct == {outer[0]}
        (made,) = future._asyncio_awaited_by - direct
        assert made._asyncio_awaited_by == {outer[1]}
        future.set_result(None)
        await asyncio.gather(*outer)
        assert not future._asyncio_awaited_by and not made._asyncio_awaited_by

    run(main)


def test_the_graph_goes_on_through_a_rust_future():
    async def main():
        future = asyncio.get_running_loop().create_future()
        asyncio.current_task().set_name("main")
        inner = asyncio.create_task(wait_for(future), name="inner")
        outer = asyncio.create_task(RustFutures.wait_for(inner), name="outer")
        waiter = asyncio.create_task(look(inner, future))
        assert await outer is None
        await waiter

    async def look(inner, future):
        graph = asyncio.capture_call_graph(inner)
        (outer,) = graph.awaited_by
        assert outer.future.get_name() == "outer"
        (main,) = outer.awaited_by
        assert main.future.get_name() == "main"
        future.set_result(None)

    run(main)


@pytest.mark.parametrize("how", ["result", "exception", "cancel"])
def test_the_record_goes_when_the_future_ends(how):
    async def main():
        future = asyncio.get_running_loop().create_future()
        outer = asyncio.create_task(RustFutures.wait_for(future))
        await asyncio.sleep(0)
        assert future._asyncio_awaited_by == {outer}
        if how == "result":
            future.set_result(None)
        elif how == "exception":
            future.set_exception(ValueError())
        else:
            future.cancel()
        await asyncio.wait([outer])
        assert not future._asyncio_awaited_by
        assert outer.cancelled() or (type(outer.exception()) is ValueError) == (how == "exception")

    run(main)


def test_the_record_goes_when_the_waiting_task_is_cancelled():
    async def main():
        future, end = (asyncio.get_running_loop().create_future() for _ in range(2))

        async def patient():
            try:
                await future
            except asyncio.CancelledError:
                await end

        inner = asyncio.create_task(patient())
        outer = asyncio.create_task(RustFutures.wait_for(inner))
        other = asyncio.create_task(wait_for(inner))
        await asyncio.sleep(0)
        assert inner._asyncio_awaited_by == {outer, other}
        outer.cancel()
        await asyncio.wait([outer])
        assert outer.cancelled() and not inner.done()
        assert inner._asyncio_awaited_by == {other}
        end.set_result(None)
        await other

    run(main)


def test_a_future_of_the_standard_library():
    async def main():
        from _asyncio import Future

        future = Future(loop=asyncio.get_running_loop())
        outer = asyncio.create_task(RustFutures.wait_for(future))
        await asyncio.sleep(0)
        assert future._asyncio_awaited_by == {outer}
        future.set_result(None)
        await outer
        assert not future._asyncio_awaited_by

    run(main)


def test_a_task_that_awaits_itself_has_no_edge():
    async def main():
        async def itself():
            await RustFutures.wait_for(asyncio.current_task())

        task = asyncio.create_task(itself())
        await asyncio.sleep(0)
        assert task._asyncio_awaited_by is None
        assert not asyncio.capture_call_graph(task).awaited_by
        task.cancel()
        await asyncio.wait([task])

    run(main)
