"""Fetches twenty pages at once from a server that takes its time, which is part of the program."""

import asyncio

PAGES = 20
PAUSE = 0.05


async def serve(reader, writer):
    """Answers one request with a page of as many bytes as its number says."""
    request = await reader.readline()
    number = int(request.decode().strip().removeprefix("GET /"))
    await asyncio.sleep(PAUSE)
    writer.write(b"x" * (number * 100))
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def fetch(port, number):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /{number}\n".encode())
    page = await reader.read()
    writer.close()
    await writer.wait_closed()
    return len(page)


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()

    begin = loop.time()
    sizes = await asyncio.gather(*(fetch(port, number) for number in range(1, PAGES + 1)))
    for number, size in enumerate(sizes, start=1):
        print(f"page {number}: {size} bytes")
    at_once = loop.time() - begin < PAUSE * PAGES
    print(f"{sum(sizes)} bytes, all at once: {'true' if at_once else 'false'}")
    server.close()
    await server.wait_closed()


asyncio.run(main())
