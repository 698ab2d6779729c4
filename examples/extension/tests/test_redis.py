import asyncio
import importlib.util
from pathlib import Path

import aioxide_example
import pytest
from aioxide_example import Redis, RedisError, Subscription

spec = importlib.util.spec_from_file_location(
    "redis_server", Path(__file__).parent / "redis_server.py"
)
redis_server = importlib.util.module_from_spec(spec)
spec.loader.exec_module(redis_server)
Server = redis_server.Server


async def use(port):
    """What holds for every server."""
    redis = await Redis.connect(port=port)
    assert await redis.execute("PING") == "PONG"
    await redis.set("key", b"value\r\n\0")
    assert await redis.get("key") == b"value\r\n\0"
    assert await redis.get("missing") is None
    assert await redis.execute("INCR", "number") == 1
    assert await redis.execute("MGET", "number", "missing") == [b"1", None]
    with pytest.raises(RedisError, match="unknown command"):
        await redis.execute("NONSENSE")
    replies = await redis.pipeline([["SET", "a", 1], ["NONSENSE"], ["GET", "a"]])
    assert replies[::2] == ["OK", b"1"]
    assert isinstance(replies[1], RedisError)
    big = b"x" * 1_000_000
    await redis.set("big", big)
    assert await redis.get("big") == big

    subscription = await Subscription.open("one", "two", port=port)
    assert await redis.execute("PUBLISH", "one", "hello") == 1
    assert await redis.execute("PUBLISH", "two", b"again") == 1
    got = []
    async for channel, message in subscription:
        got.append((channel, message))
        if len(got) == 2:
            subscription.close()
    assert got == [(b"one", b"hello"), (b"two", b"again")]
    redis.close()
    with pytest.raises(ConnectionError):
        await redis.execute("PING")


@pytest.mark.parametrize("piecemeal", [False, True])
def test_a_server_that_is_played(run, piecemeal):
    async def main():
        async with Server(piecemeal=piecemeal) as server:
            if not piecemeal:
                await use(server.port)
                return
            redis = await Redis.connect(port=server.port)
            await redis.set("key", "value")
            assert await redis.execute("MGET", "key", "none", "key") == [b"value", None, b"value"]
            redis.close()

    run(main)


def test_a_real_server(run):
    async def main():
        async with redis_server.real() as port:
            if port is None:
                pytest.skip("redis-server is not installed")
            await use(port)

    run(main)


def test_many_tasks_share_a_connection(run):
    async def main():
        async with Server() as server:
            redis = await Redis.connect(port=server.port)
            numbers = await asyncio.gather(*(redis.execute("INCR", "n") for _ in range(500)))
            assert sorted(numbers) == list(range(1, 501))
            redis.close()

    run(main)


def test_the_reply_of_a_cancelled_command_is_thrown_away(run):
    async def main():
        async with Server() as server:
            redis = await Redis.connect(port=server.port)
            tasks = [asyncio.create_task(redis.execute("INCR", "n")) for _ in range(10)]
            await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert [type(it) for it in results[::2]] == [asyncio.CancelledError] * 5
            assert results[1::2] == sorted(results[1::2])
            assert await redis.execute("PING") == "PONG"
            redis.close()

    run(main)


def test_a_connection_that_is_lost(run):
    async def main():
        async with Server() as server:
            redis = await Redis.connect(port=server.port)
            assert await redis.execute("PING") == "PONG"
            server.drop()
            with pytest.raises(ConnectionError):
                while True:
                    await redis.execute("PING")

    run(main)


def test_a_wait_for_a_message_can_be_cancelled(run):
    async def main():
        async with Server() as server:
            redis = await Redis.connect(port=server.port)
            subscription = await Subscription.open("news", port=server.port)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(subscription), 0.002)
            await redis.execute("PUBLISH", "news", "after all")
            assert await anext(subscription) == (b"news", b"after all")
            subscription.close()
            redis.close()

    run(main)


def test_what_is_no_command(run):
    async def main():
        async with Server() as server:
            redis = await Redis.connect(port=server.port)
            with pytest.raises(TypeError, match="a command is of str, bytes and int, not float"):
                redis.execute("SET", "key", 1.5)
            redis.close()
        assert aioxide_example.RedisError.__module__ == "aioxide_example"

    run(main)
