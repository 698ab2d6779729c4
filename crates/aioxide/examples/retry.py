"""The same as retry.rs."""

import asyncio

FIRST_PAUSE = 0.01
LIMIT = 10


class TurnedAway(Exception):
    """The service is busy."""


def service(failures):
    """Return the callback of a server that turns so many callers away before it answers."""
    callers = 0

    async def serve(reader, writer):
        nonlocal callers
        callers += 1
        writer.write(b"busy" if callers <= failures else b"welcome")
        await writer.drain()
        writer.close()

    return serve


async def ask(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = (await reader.read()).decode()
    writer.close()
    if answer == "busy":
        raise TurnedAway
    return answer


async def retry(attempts, attempt):
    """Try so often at most, with a pause in between that doubles each time."""
    pause = FIRST_PAUSE
    for number in range(1, attempts):
        try:
            return await asyncio.wait_for(attempt(), LIMIT)
        except (TurnedAway, TimeoutError):  # Everything else is told at once.
            print(f"attempt {number}: turned away")
        await asyncio.sleep(pause)
        pause *= 2
    return await asyncio.wait_for(attempt(), LIMIT)


async def main():
    for attempts, failures in [(5, 2), (3, 10)]:
        server = await asyncio.start_server(service(failures), "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            try:
                answer = await retry(attempts, lambda port=port: ask(port))
            except TurnedAway:
                print(f"in vain: {attempts} attempts")
            else:
                print(f"answered: {answer}")


asyncio.run(main())
