"""redis-py's asyncio client against a real Redis, over TCP, TLS and a Unix socket."""

import asyncio
import contextlib
import random

import redis.asyncio as redis
from harness.catalogue import REDIS
from harness.given import Given

MIB = 1 << 20


def main(given: Given) -> None:
    given.run(work(given))


async def work(given: Given) -> None:
    server = given.servers[REDIS]
    address = {"host": server["host"], "port": server["port"]}
    pool = redis.BlockingConnectionPool(**address, max_connections=20, timeout=60)
    async with redis.Redis.from_pool(pool) as client:
        await client.flushall()
        await many_commands(given, client)
        await pipelined(given, client)
        await large_values(given, client)
        await published(given, client)
        await cancelled(given, client)
        await streamed(given, client)
        await locked(given, client)
        await cut(given, client, address)
    tls = {"ssl": True, "ssl_ca_certs": str(given.certificates / "client.pem")}
    async with redis.Redis(host="localhost", port=server["tls_port"], **tls) as client:
        await large_values(given, client, "TLS")
    async with redis.Redis(unix_socket_path=server["unix"]) as client:
        await large_values(given, client, "a Unix socket")
    given.did("closed cleanly")


async def many_commands(given: Given, client: redis.Redis) -> None:
    total = given.times(2000, 500)

    async def one(number: int) -> None:
        await client.set(f"key {number}", number)
        assert await client.get(f"key {number}") == b"%d" % number
        assert await client.incr("sum", number) >= number

    await asyncio.gather(*map(one, range(total)))
    assert int(await client.get("sum")) == sum(range(total))
    given.did(f"{3 * total} commands at once on 20 connections")


async def pipelined(given: Given, client: redis.Redis) -> None:
    async with client.pipeline(transaction=True) as pipeline:
        for number in range(1000):
            pipeline.rpush("list", number)
        assert await pipeline.execute() == list(range(1, 1001))
    assert await client.lrange("list", 0, -1) == [b"%d" % n for n in range(1000)]
    given.did("a pipeline of 1000")


async def large_values(given: Given, client: redis.Redis, how: str = "") -> None:
    size = given.times(32, 4)
    value = random.Random(size).randbytes(size * MIB)
    await client.set("large", value)
    assert await client.get("large") == value
    given.did(f"{size} MiB there and back" + (f" over {how}" if how else ""))


async def published(given: Given, client: redis.Redis) -> None:
    async with client.pubsub() as subscription:
        await subscription.subscribe("news")
        for number in range(100):
            await client.publish("news", number)
        received = []
        async with asyncio.timeout(30):
            async for message in subscription.listen():
                if message["type"] == "message":
                    received.append(int(message["data"]))
                    if len(received) == 100:
                        break
        assert received == list(range(100))
        await subscription.unsubscribe("news")
    given.did("100 messages published")


async def cancelled(given: Given, client: redis.Redis) -> None:
    task = asyncio.create_task(client.blpop(["empty"], 0))
    await blocked(client, 1)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()
    await blocked(client, 0)
    # No answer to the one that gave up is taken for an answer to the next.
    await client.rpush("empty", "first")
    assert list(await client.blpop(["empty"], 0)) == [b"empty", b"first"]
    given.did("a blocking pop cancelled")


async def blocked(client: redis.Redis, wanted: int) -> None:
    """Wait until so many clients block in the server."""
    async with asyncio.timeout(30):
        while (await client.info("clients"))["blocked_clients"] != wanted:
            await asyncio.sleep(0.01)


async def streamed(given: Given, client: redis.Redis) -> None:
    reading = asyncio.create_task(client.xread({"stream": "$"}, block=30_000))
    await blocked(client, 1)
    await client.xadd("stream", {"field": "value"})
    [[name, [[_, fields]]]] = await reading
    assert name == b"stream" and fields == {b"field": b"value"}
    given.did("a stream")


async def locked(given: Given, client: redis.Redis) -> None:
    held = 0

    async def one() -> None:
        nonlocal held
        async with client.lock("lock", timeout=30, sleep=0.001):
            held += 1
            assert held == 1
            await asyncio.sleep(0)
            held -= 1

    await asyncio.gather(*(one() for _ in range(20)))
    given.did("a lock held by 20 in turn")


async def cut(given: Given, client: redis.Redis, address: dict) -> None:
    async with redis.Redis(**address, single_connection_client=True) as own:
        number = await own.client_id()
        await client.client_kill_filter(_id=number)
        # The client connects again by itself.
        assert await own.ping()
        assert await own.client_id() != number
    given.did("a connection cut and made anew")
