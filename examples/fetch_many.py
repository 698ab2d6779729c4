"""Fetch many URLs at once.

One task for each URL, and `gather` to wait for all of them: while one waits for its answer, the
others go on. A hundred fetches take about as long as the slowest of them.

    python examples/fetch_many.py
    python -m aioxide examples/fetch_many.py
"""

import asyncio
from urllib.parse import urlsplit

PAGES = 100


async def fetch(url):
    """Return the status and the body of a page."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        request = f"GET {parts.path} HTTP/1.0\r\nHost: {parts.netloc}\r\n\r\n"
        writer.write(request.encode())
        await writer.drain()
        answer = await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body.decode()


async def answer(reader, writer):
    """Be the web: /page/7 is a page, anything else is not there."""
    request = await reader.readuntil(b"\r\n\r\n")
    path = request.split()[1].decode()
    if path.startswith("/page/"):
        writer.write(f"HTTP/1.0 200 OK\r\n\r\nThis is page {path[6:]}.".encode())
    else:
        writer.write(b"HTTP/1.0 404 Not Found\r\n\r\n")
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=PAGES)
    async with server:
        host, port = server.sockets[0].getsockname()
        urls = [f"http://{host}:{port}/page/{number}" for number in range(PAGES)]
        urls.append(f"http://{host}:{port}/nowhere")

        answers = await asyncio.gather(*(fetch(url) for url in urls))

    for status in sorted({status for status, _ in answers}):
        print(f"status {status}: {sum(1 for found, _ in answers if found == status)} pages")
    print(f"the last page: {answers[PAGES - 1][1]}")


if __name__ == "__main__":
    asyncio.run(main())
