"""Try again what failed, after a pause that grows.

A service turns its first two visitors away. `retry` tries again after a short pause, after a
longer one the next time, with a random part so that many clients do not come back all at once.
What is no passing trouble is not tried again, and the last exception tells of the attempts
before it.

    python examples/retry_flaky_service.py
    python -m aioxide examples/retry_flaky_service.py
"""

import asyncio

from aioxide.patterns import retry


class TurnedAway(Exception):
    """The service has no time now; another attempt may succeed."""


async def ask(address):
    reader, writer = await asyncio.open_connection(*address)
    try:
        line = (await reader.readline()).decode().strip()
    finally:
        writer.close()
        await writer.wait_closed()
    if line == "busy":
        raise TurnedAway(line)
    return line


def flaky_service(failures):
    """Return a server's callback that turns so many clients away before it answers."""

    async def serve(reader, writer):
        nonlocal failures
        failures -= 1
        writer.write(b"busy\n" if failures >= 0 else b"welcome\n")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    return serve


async def with_a_decorator(address):
    patient_ask = retry(attempts=5, backoff=0.01, on=TurnedAway, timeout=10)(ask)
    print(f"decorator: {await patient_ask(address)}")


async def around_a_block(address):
    async for attempt in retry(attempts=5, backoff=0.01, on=TurnedAway):
        async with attempt:
            print(f"attempt {attempt.number}: {await ask(address)}")


async def in_vain(address):
    try:
        await retry(attempts=3, backoff=0.01, on=TurnedAway)(ask)(address)
    except TurnedAway as error:
        print(f"in vain: {error!r}")
        for note in error.__notes__:
            print(f"  {note}")


async def main():
    for use, failures in ((with_a_decorator, 2), (around_a_block, 2), (in_vain, 10)):
        server = await asyncio.start_server(flaky_service(failures), "127.0.0.1", 0)
        async with server:
            await use(server.sockets[0].getsockname())


if __name__ == "__main__":
    asyncio.run(main())
