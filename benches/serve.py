"""A server in one of several styles on one loop, in this process.

Prints ``listening 127.0.0.1:PORT`` and serves until it is killed.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import socket
import ssl
from typing import cast

import loops

READ_SIZE = 64 * 1024

#: Lines that are read before they are answered, in the style of that name.
LINES_IN_BATCH = 256

#: What a server encrypts with; None for plain text.
Context = ssl.SSLContext | None


class Echo(asyncio.Protocol):
    """Writes back what it gets."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


async def serve_protocol(tls: Context) -> None:
    """Transports and protocols: what servers written for speed use."""
    loop = asyncio.get_running_loop()
    await serve(await loop.create_server(Echo, "127.0.0.1", 0, ssl=tls))


async def serve_streams(tls: Context) -> None:
    """Readers and writers: what most programs use."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(READ_SIZE):
            writer.write(data)
            await writer.drain()
        writer.close()

    await serve(await asyncio.start_server(echo, "127.0.0.1", 0, ssl=tls))


async def serve_lines(tls: Context) -> None:
    """Readers and writers, a line at a time."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
            await writer.drain()
        writer.close()

    await serve(await asyncio.start_server(echo, "127.0.0.1", 0, ssl=tls))


async def serve_batches(tls: Context) -> None:
    """Readers and writers: a line at a time is read, many are written at once."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = []
        while line := await reader.readline():
            lines.append(line)
            if len(lines) == LINES_IN_BATCH:
                writer.write(b"".join(lines))
                lines.clear()
                await writer.drain()
        writer.close()

    await serve(await asyncio.start_server(echo, "127.0.0.1", 0, ssl=tls))


async def serve_web(tls: Context) -> None:
    """aiohttp, with a page of a few bytes."""
    from aiohttp import web

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="Hello, world!\n")

    application = web.Application()
    application.router.add_get("/", page)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    announce(runner.addresses[0])
    await asyncio.get_running_loop().create_future()


async def serve_sock(tls: Context) -> None:
    """Plain sockets through the loop's ``sock_*`` methods, which know no TLS."""
    assert tls is None
    loop = asyncio.get_running_loop()
    tasks = set()

    async def echo(connection: socket.socket) -> None:
        with connection:
            while data := await loop.sock_recv(connection, READ_SIZE):
                await loop.sock_sendall(connection, data)

    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        listener.setblocking(False)
        announce(listener.getsockname())
        while True:
            connection, _ = await loop.sock_accept(listener)
            connection.setblocking(False)
            # As the transports of every loop do.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = loop.create_task(echo(connection))
            tasks.add(task)
            task.add_done_callback(tasks.discard)


async def serve(server: asyncio.Server) -> None:
    """Announces a server that is serving already, and keeps it for ever.

    Not ``serve_forever``: rloop 0.5 closes a listener that is started twice.
    """
    announce(server.sockets[0].getsockname())
    await server.get_loop().create_future()


def announce(address: tuple[str, int]) -> None:
    host, port = address
    print(f"listening {host}:{port}", flush=True)


def context(certificate: str | None) -> Context:
    if certificate is None:
        return None
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    return tls


STYLES = {
    "protocol": serve_protocol,
    "streams": serve_streams,
    "lines": serve_lines,
    "batches": serve_batches,
    "sock": serve_sock,
    "web": serve_web,
}


def main() -> None:
    """Reads the command line and serves."""
    parser = argparse.ArgumentParser(description="Serve on a free port of 127.0.0.1.")
    parser.add_argument("style", choices=STYLES)
    parser.add_argument("loop", choices=loops.LOOPS)
    parser.add_argument("--certificate", help="PEM file with key and certificate: serve TLS")
    parser.add_argument("--record", action="store_true", help="keep the last events (aioxide)")
    parser.add_argument("--record-to", help="write every event to this file (aioxide)")
    arguments = parser.parse_args()
    if arguments.certificate and arguments.style == "sock":
        parser.error("--certificate: sockets know no TLS")
    loops.put_in_place(arguments.loop)
    if arguments.record or arguments.record_to:
        import aioxide

        aioxide.record(full=arguments.record_to is not None, file=arguments.record_to)
    loop_factory = functools.partial(loops.new_event_loop, arguments.loop)
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(STYLES[arguments.style](context(arguments.certificate)))


if __name__ == "__main__":
    main()
