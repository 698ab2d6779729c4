"""May a garbage collection come while a transport is being made?"""

import asyncio
import gc
import os
import socket

import pytest


@pytest.fixture
def collections_at_every_allocation():
    """Lets the interpreter collect as often as it can."""
    before = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    yield
    gc.set_threshold(*before)


def test_pipe_transports(run, loop, collections_at_every_allocation):
    async def main():
        for _ in range(20):
            ours, theirs = os.pipe()
            reading, _ = await loop.connect_read_pipe(asyncio.Protocol, open(ours, "rb", 0))
            writing, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, open(theirs, "wb", 0))
            writing.close()
            reading.close()
            await asyncio.sleep(0)
        await asyncio.sleep(0)

    run(main())


def test_datagram_transports(run, loop, collections_at_every_allocation):
    async def main():
        for _ in range(20):
            transport, _ = await loop.create_datagram_endpoint(
                asyncio.DatagramProtocol, ("127.0.0.1", 0), family=socket.AF_INET
            )
            transport.close()
            await asyncio.sleep(0)
        await asyncio.sleep(0)

    run(main())
