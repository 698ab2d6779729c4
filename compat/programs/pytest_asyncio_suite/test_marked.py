"""Tests and fixtures with marks: both modes run them."""

import asyncio

import pytest
import pytest_asyncio


@pytest_asyncio.fixture
async def queue():
    queue = asyncio.Queue()
    task = asyncio.create_task(queue.join())
    yield queue
    task.cancel()
    await asyncio.wait([task])


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def server():
    async def echo(reader, writer):
        while line := await reader.readline():
            writer.write(line)
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.asyncio
async def test_loop(loop_class):
    assert type(asyncio.get_running_loop()) is loop_class
    assert asyncio.get_running_loop().get_debug()


@pytest.mark.asyncio
async def test_fixture_runs_on_the_same_loop(queue):
    queue.put_nowait(1)
    assert await queue.get() == 1
    queue.task_done()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("size", [1, 1000, 60_000])
async def test_server_of_the_module(server, size):
    reader, writer = await asyncio.open_connection("127.0.0.1", server)
    writer.write(b"x" * size + b"\n")
    assert await reader.readline() == b"x" * size + b"\n"
    writer.close()
    await writer.wait_closed()


@pytest.mark.asyncio
async def test_timeout():
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await asyncio.Event().wait()


@pytest.mark.asyncio
async def test_task_group():
    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(1000))
            raise ValueError("on purpose")
    assert caught.group_contains(ValueError)


@pytest.mark.asyncio(loop_scope="class")
class TestOneLoopForTheClass:
    seen = None

    async def test_first(self):
        TestOneLoopForTheClass.seen = asyncio.get_running_loop()

    async def test_second(self):
        assert asyncio.get_running_loop() is TestOneLoopForTheClass.seen


def test_loop_in_a_plain_test(loop_class):
    with asyncio.Runner(loop_factory=loop_class) as runner:
        assert runner.run(asyncio.sleep(0, "done")) == "done"


@pytest.mark.asyncio
@pytest.mark.xfail(raises=ZeroDivisionError, strict=True)
async def test_failure():
    await asyncio.sleep(0)
    raise ZeroDivisionError


@pytest.mark.asyncio
async def test_left_over_task_is_cancelled():
    asyncio.create_task(asyncio.sleep(1000))
    await asyncio.sleep(0)


@pytest.mark.asyncio
async def test_threads():
    assert await asyncio.to_thread(sum, [1, 2, 3]) == 6
