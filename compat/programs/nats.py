"""nats-py: messages, requests, queues of workers, a stream that is kept, a connection cut."""

import asyncio

import nats
from harness.catalogue import NATS
from harness.given import Given

SECONDS = 60.0


def main(given: Given) -> None:
    given.run(work(given))


async def work(given: Given) -> None:
    server = given.servers[NATS]
    url = f"nats://{server['host']}:{server['port']}"
    reconnected = asyncio.Event()

    async def on_reconnect() -> None:
        reconnected.set()

    client = await nats.connect(url, reconnected_cb=on_reconnect, reconnect_time_wait=0.1)
    try:
        await published(given, client)
        await requested(given, client)
        await kept(given, client)
        await cut(given, client, reconnected)
    finally:
        await client.drain()
    assert client.is_closed


async def published(given: Given, client) -> None:
    total = given.times(20_000, 2000)
    seen: list[int] = []
    everything = asyncio.Event()

    async def take(message) -> None:
        seen.append(int(message.data))
        if len(seen) == total:
            given.check_loop()
            everything.set()

    subscription = await client.subscribe("numbers.*", cb=take)
    for number in range(total):
        await client.publish("numbers.one", b"%d" % number)
    await client.flush()
    await asyncio.wait_for(everything.wait(), SECONDS)
    assert seen == list(range(total))
    await subscription.unsubscribe()
    given.did(f"{total} messages")


async def requested(given: Given, client) -> None:
    total = given.times(500, 100)
    taken = [0, 0]

    def worker(index: int):
        async def answer(message) -> None:
            taken[index] += 1
            await message.respond(message.data * 2)

        return answer

    for index in range(2):
        await client.subscribe("doubling", queue="workers", cb=worker(index))
    answers = [client.request("doubling", b"%d" % n, timeout=SECONDS) for n in range(total)]
    received = [answer.data for answer in await asyncio.gather(*answers)]
    assert received == [b"%d" % number * 2 for number in range(total)]
    assert sum(taken) == total and all(taken), taken
    try:
        await client.request("nobody", b"", timeout=SECONDS)
    except nats.errors.NoRespondersError:
        pass
    else:
        raise AssertionError("nobody has answered")
    given.did(f"{total} requests to a queue of 2 workers")


async def kept(given: Given, client) -> None:
    stream = client.jetstream()
    await stream.add_stream(name="kept", subjects=["kept.*"])
    total = given.times(200, 50)
    for number in range(total):
        await stream.publish("kept.one", b"%d" % number)
    subscription = await stream.pull_subscribe("kept.*", "reader")
    seen = []
    while len(seen) < total:
        for message in await subscription.fetch(20, timeout=SECONDS):
            seen.append(int(message.data))
            await message.ack()
    assert seen == list(range(total))
    await stream.delete_stream("kept")
    given.did(f"a stream of {total} messages, kept and fetched")


async def cut(given: Given, client, reconnected: asyncio.Event) -> None:
    inbox: asyncio.Queue[bytes] = asyncio.Queue()

    async def take(message) -> None:
        inbox.put_nowait(message.data)

    await client.subscribe("after", cb=take)
    await client.flush()
    client._transport.close()
    await asyncio.wait_for(reconnected.wait(), SECONDS)
    await client.publish("after", b"again")
    assert await asyncio.wait_for(inbox.get(), SECONDS) == b"again"
    given.did("a connection cut and made anew")
