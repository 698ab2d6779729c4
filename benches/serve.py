"""An echo server in one of four styles on one loop, in this process.

Prints ``listening 127.0.0.1:PORT`` and serves until it is killed.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import socket
from typing import cast

import loops

READ_SIZE = 64 * 1024


class Echo(asyncio.Protocol):
    """Writes back what it gets."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


async def serve_protocol() -> None:
    """Transports and protocols: what servers written for speed use."""
    listener, address = listen()
    server = await asyncio.get_running_loop().create_server(Echo, sock=listener)
    await announce_and_serve(address, server)


async def serve_streams() -> None:
    """Readers and writers: what most programs use."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(READ_SIZE):
            writer.write(data)
            await writer.drain()
        writer.close()

    listener, address = listen()
    server = await asyncio.start_server(echo, sock=listener)
    await announce_and_serve(address, server)


async def serve_lines() -> None:
    """Readers and writers, a line at a time."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
            await writer.drain()
        writer.close()

    listener, address = listen()
    server = await asyncio.start_server(echo, sock=listener)
    await announce_and_serve(address, server)


async def serve_sock() -> None:
    """Plain sockets through the loop's ``sock_*`` methods."""
    loop = asyncio.get_running_loop()
    tasks = set()

    async def echo(connection: socket.socket) -> None:
        with connection:
            while data := await loop.sock_recv(connection, READ_SIZE):
                await loop.sock_sendall(connection, data)

    listener, address = listen()
    with listener:
        announce(address)
        while True:
            connection, _ = await loop.sock_accept(listener)
            connection.setblocking(False)
            # As the transports of every loop do.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = loop.create_task(echo(connection))
            tasks.add(task)
            task.add_done_callback(tasks.discard)


def listen() -> tuple[socket.socket, str]:
    """A non-blocking listener on a free port, and its ``HOST:PORT``.

    We open it ourselves, for every loop in the same way: reading
    ``Server.sockets`` closes the listener of one of them.
    """
    listener = socket.create_server(("127.0.0.1", 0), backlog=100)
    listener.setblocking(False)
    host, port = listener.getsockname()
    return listener, f"{host}:{port}"


def announce(address: str) -> None:
    print(f"listening {address}", flush=True)


async def announce_and_serve(address: str, server: asyncio.AbstractServer) -> None:
    announce(address)
    await server.serve_forever()


STYLES = {
    "protocol": serve_protocol,
    "streams": serve_streams,
    "lines": serve_lines,
    "sock": serve_sock,
}


def main() -> None:
    """Reads the command line and serves."""
    parser = argparse.ArgumentParser(description="Serve echoes on a free port of 127.0.0.1.")
    parser.add_argument("style", choices=STYLES)
    parser.add_argument("loop", choices=loops.LOOPS)
    arguments = parser.parse_args()
    loop_factory = functools.partial(loops.new_event_loop, arguments.loop)
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(STYLES[arguments.style]())


if __name__ == "__main__":
    main()
