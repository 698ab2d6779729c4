"""A suite as a user of anyio's plugin writes one."""

import asyncio
import contextvars

import anyio
import pytest

pytestmark = pytest.mark.anyio

current = contextvars.ContextVar("current", default="none")


@pytest.fixture(scope="module")
async def port():
    async def echo(stream):
        async with stream:
            async for data in stream:
                await stream.send(data)

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        async with anyio.create_task_group() as group:
            group.start_soon(listener.serve, echo)
            yield listener.extra(anyio.abc.SocketAttribute.local_port)
            group.cancel_scope.cancel()


@pytest.fixture
async def in_context():
    token = current.set("fixture")
    yield
    current.reset(token)


async def test_loop(loop_factory):
    made = loop_factory()
    made.close()
    assert type(asyncio.get_running_loop()) is type(made)
    assert asyncio.get_running_loop().get_debug()


@pytest.mark.parametrize("size", [1, 1000, 1_000_000])
async def test_server_of_the_module(port, size):
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        async with anyio.create_task_group() as group:
            group.start_soon(stream.send, b"x" * size)
            received = 0
            while received < size:
                received += len(await stream.receive())
    assert received == size


async def test_context_of_a_fixture(in_context):
    assert current.get() == "fixture"


async def test_exception():
    with pytest.raises(ExceptionGroup):
        async with anyio.create_task_group():
            raise ValueError("on purpose")
