"""grpc.aio: a server and its clients in one process, each kind of call."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import grpc.aio
from harness.given import Given

MIB = 1 << 20
SECONDS = 60.0


def main(given: Given) -> None:
    given.run(work(given))


async def work(given: Given) -> None:
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", 64 * MIB)])
    server.add_generic_rpc_handlers([handlers(given)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    options = [("grpc.max_receive_message_length", 64 * MIB)]
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options) as channel:
            await unary(given, channel)
            await streams(given, channel)
            await ended_early(given, channel)
    finally:
        await server.stop(1)


def handlers(given: Given) -> grpc.GenericRpcHandler:
    async def echo(request: bytes, context: grpc.aio.ServicerContext) -> bytes:
        given.check_loop()
        return request

    async def fail(request: bytes, context: grpc.aio.ServicerContext) -> bytes:
        await context.abort(grpc.StatusCode.NOT_FOUND, "not here")

    async def never(request: bytes, context: grpc.aio.ServicerContext) -> bytes:
        await asyncio.sleep(1000)
        return b""

    async def count(request: bytes, context: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
        for number in range(int(request)):
            yield b"%d" % number

    async def total(requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> bytes:
        return b"%d" % sum([int(request) async for request in requests])

    async def double(
        requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[bytes]:
        async for request in requests:
            yield request * 2

    return grpc.method_handlers_generic_handler(
        "compat",
        {
            "echo": grpc.unary_unary_rpc_method_handler(echo),
            "fail": grpc.unary_unary_rpc_method_handler(fail),
            "never": grpc.unary_unary_rpc_method_handler(never),
            "count": grpc.unary_stream_rpc_method_handler(count),
            "total": grpc.stream_unary_rpc_method_handler(total),
            "double": grpc.stream_stream_rpc_method_handler(double),
        },
    )


async def unary(given: Given, channel: grpc.aio.Channel) -> None:
    echo = channel.unary_unary("/compat/echo")
    total = given.times(1000, 200)
    bodies = [b"%d" % number for number in range(total)]
    assert await asyncio.gather(*(echo(body) for body in bodies)) == bodies
    body = b"x" * (given.times(16, 2) * MIB)
    assert await echo(body) == body
    given.did(f"{total} calls at once, {len(body) // MIB} MiB there and back")


async def streams(given: Given, channel: grpc.aio.Channel) -> None:
    total = given.times(2000, 200)
    count = channel.unary_stream("/compat/count")
    answers = [int(answer) async for answer in count(b"%d" % total)]
    assert answers == list(range(total))

    async def numbers() -> AsyncIterator[bytes]:
        for number in range(total):
            yield b"%d" % number

    assert int(await channel.stream_unary("/compat/total")(numbers())) == sum(range(total))
    doubled = channel.stream_stream("/compat/double")(numbers())
    assert [answer async for answer in doubled] == [b"%d" % n * 2 for n in range(total)]
    given.did("streams in each direction and in both")


async def ended_early(given: Given, channel: grpc.aio.Channel) -> None:
    try:
        await channel.unary_unary("/compat/fail")(b"")
    except grpc.aio.AioRpcError as error:
        assert error.code() is grpc.StatusCode.NOT_FOUND, error
    else:
        raise AssertionError("a failure was lost on its way")
    try:
        await channel.unary_unary("/compat/never")(b"", timeout=0.1)
    except grpc.aio.AioRpcError as error:
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED, error
    else:
        raise AssertionError("a deadline did not pass")
    call = channel.unary_unary("/compat/never")(b"")
    waiting = asyncio.ensure_future(call)
    await asyncio.sleep(0.05)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    given.did("a failure, a deadline, a call cancelled")
