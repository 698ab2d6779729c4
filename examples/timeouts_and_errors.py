"""Give everybody a time limit, and let one failure not be the others' failure.

Of four services one answers, one never does, one hangs up in the middle of its answer and one is
not there at all. Each has a time limit of its own, and what went wrong with it becomes its
result; the caller gets an answer about all four.

    python examples/timeouts_and_errors.py
    python -m aioxide examples/timeouts_and_errors.py
"""

import asyncio
import contextlib
import socket


async def ask(address):
    """Return the one line that a service answers."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        line = await reader.readuntil(b"\n")
        return line.decode().strip()
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def outcome(address, time_limit):
    """Ask within the time limit; what goes wrong is an outcome too."""
    try:
        async with asyncio.timeout(time_limit):
            return await ask(address)
    except TimeoutError:
        return "no answer in time"
    except asyncio.IncompleteReadError as error:
        return f"hung up after {error.partial!r}"
    except ConnectionRefusedError:
        return "not there"


async def answer(reader, writer):
    writer.write(b"all is well\n")
    writer.close()
    await writer.wait_closed()


async def never_answer(reader, writer):
    await reader.read()  # until the client has gone
    writer.close()
    await writer.wait_closed()


async def hang_up(reader, writer):
    writer.write(b"all is w")
    writer.close()
    await writer.wait_closed()


SERVICES = {answer: 10, never_answer: 0.2, hang_up: 10}  # seconds to answer


async def main():
    async with contextlib.AsyncExitStack() as servers:
        asked = {}
        for serve, time_limit in SERVICES.items():
            server = await asyncio.start_server(serve, "127.0.0.1", 0)
            await servers.enter_async_context(server)
            asked[serve.__name__] = outcome(server.sockets[0].getsockname(), time_limit)
        # Bound but not listening: nobody else can have the port, and nobody is there.
        nobody = servers.enter_context(socket.socket())
        nobody.bind(("127.0.0.1", 0))
        asked["nobody"] = outcome(nobody.getsockname(), 10)

        outcomes = await asyncio.gather(*asked.values())

    for name, result in zip(asked, outcomes, strict=True):
        print(f"{name}: {result}")


if __name__ == "__main__":
    asyncio.run(main())
