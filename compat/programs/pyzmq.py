"""pyzmq's sockets for asyncio: each pattern, large messages, a poller, a timeout, a monitor."""

import asyncio

import zmq
import zmq.asyncio
from harness.given import Given

MIB = 1 << 20


def main(given: Given) -> None:
    given.run(work(given))


async def work(given: Given) -> None:
    with zmq.asyncio.Context() as context:
        await pipeline(given, context)
        await requests(given, context)
        await published(given, context)
        await timed_out(given, context)


async def pipeline(given: Given, context: zmq.asyncio.Context) -> None:
    total = given.times(20_000, 2000)
    with context.socket(zmq.PUSH) as sender, context.socket(zmq.PULL) as receiver:
        port = sender.bind_to_random_port("tcp://127.0.0.1")
        receiver.connect(f"tcp://127.0.0.1:{port}")

        async def send() -> None:
            for number in range(total):
                await sender.send_multipart([b"%d" % number, b"x"])
            await sender.send(b"y" * (given.times(32, 4) * MIB))

        sending = asyncio.create_task(send())
        for number in range(total):
            assert await receiver.recv_multipart() == [b"%d" % number, b"x"]
        assert len(await receiver.recv()) == given.times(32, 4) * MIB
        await sending
    given.did(f"{total} messages pushed, and one of {given.times(32, 4)} MiB")


async def requests(given: Given, context: zmq.asyncio.Context) -> None:
    total = given.times(2000, 300)
    with context.socket(zmq.ROUTER) as server:
        port = server.bind_to_random_port("tcp://127.0.0.1")

        async def serve() -> None:
            while True:
                who, empty, request = await server.recv_multipart()
                await server.send_multipart([who, empty, request * 2])

        async def ask(name: bytes) -> None:
            with context.socket(zmq.REQ) as client:
                client.connect(f"tcp://127.0.0.1:{port}")
                for _ in range(total // 10):
                    await client.send(name)
                    assert await client.recv() == name * 2

        serving = asyncio.create_task(serve())
        await asyncio.gather(*(ask(b"%d" % number) for number in range(10)))
        serving.cancel()
        await asyncio.wait([serving])
    given.did(f"{total} requests of 10 clients")


async def published(given: Given, context: zmq.asyncio.Context) -> None:
    with context.socket(zmq.XPUB) as publisher, context.socket(zmq.SUB) as subscriber:
        publisher.bind("inproc://compat")
        subscriber.connect("inproc://compat")
        subscriber.subscribe(b"wanted")
        assert await publisher.recv() == b"\x01wanted"
        for topic in (b"other", b"wanted"):
            await publisher.send_multipart([topic, b"text"])
        assert await subscriber.recv_multipart() == [b"wanted", b"text"]
    given.did("a topic published")


async def timed_out(given: Given, context: zmq.asyncio.Context) -> None:
    with context.socket(zmq.PULL) as receiver, context.socket(zmq.PUSH) as sender:
        port = receiver.bind_to_random_port("tcp://127.0.0.1")
        try:
            await asyncio.wait_for(receiver.recv(), 0.05)
        except TimeoutError:
            pass
        else:
            raise AssertionError("a message came from nowhere")
        poller = zmq.asyncio.Poller()
        poller.register(receiver, zmq.POLLIN)
        assert await poller.poll(20) == []
        sender.connect(f"tcp://127.0.0.1:{port}")
        await sender.send(b"late")
        assert dict(await poller.poll(10_000)) == {receiver: zmq.POLLIN}
        assert await receiver.recv() == b"late"
    given.did("a receive and a poll that time out")
