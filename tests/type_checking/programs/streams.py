"""An echo server and its client, over TCP and over a Unix socket, and child processes."""

from __future__ import annotations

import pathlib
import ssl
import sys
import tempfile
from typing import assert_type

import aioxide as asyncio


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    async for line in reader:
        assert_type(line, bytes)
        writer.write(line)
        await writer.drain()
    writer.close()
    await writer.wait_closed()


async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.writelines([b"one\n", b"two\n", b"three;four\n"])
    await writer.drain()
    assert_type(await reader.readline(), bytes)
    assert_type(await reader.readexactly(4), bytes)
    if sys.version_info >= (3, 13):
        assert_type(await reader.readuntil((b";", b"\n")), bytes)
    assert_type(await reader.read(100), bytes)
    assert_type(reader.at_eof(), bool)
    assert_type(writer.can_write_eof(), bool)
    assert_type(writer.transport, asyncio.WriteTransport)
    assert_type(writer.is_closing(), bool)
    writer.get_extra_info("peername", default=None)
    writer.write_eof()
    assert await reader.read() == b""
    try:
        await reader.readexactly(1)
    except asyncio.IncompleteReadError as error:
        assert_type(error.partial, bytes)
        assert_type(error.expected, int | None)
    except asyncio.LimitOverrunError as error:
        assert_type(error.consumed, int)
    writer.close()
    await writer.wait_closed()


async def over_tcp() -> None:
    server = await asyncio.start_server(echo, "127.0.0.1", 0, limit=1 << 12)
    assert_type(server, asyncio.Server)
    async with server:
        assert_type(server.is_serving(), bool)
        host, port = server.sockets[0].getsockname()
        reader, writer = await asyncio.open_connection(host, port)
        assert_type(reader, asyncio.StreamReader)
        assert_type(writer, asyncio.StreamWriter)
        await talk(reader, writer)


async def over_a_unix_socket() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "echo"
        server = await asyncio.start_unix_server(echo, path)
        async with server:
            reader, writer = await asyncio.open_unix_connection(str(path))
            await talk(reader, writer)


async def encrypted(writer: asyncio.StreamWriter, context: ssl.SSLContext) -> None:
    """Never called: there is no certificate here."""
    await writer.start_tls(context, server_hostname="localhost", ssl_handshake_timeout=5)
    await asyncio.open_connection("localhost", 443, ssl=context, happy_eyeballs_delay=0.25)


async def processes() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "print(input())",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert_type(process, asyncio.subprocess.Process)
    output, errors = await process.communicate(b"hello\n")
    assert_type(output, bytes)
    assert errors is None
    assert_type(process.returncode, int | None)
    shell = await asyncio.create_subprocess_shell("exit 3")
    assert_type(await shell.wait(), int)
    assert_type(shell.stdout, asyncio.StreamReader | None)


async def main() -> None:
    await over_tcp()
    await over_a_unix_socket()
    await processes()


def run() -> None:
    asyncio.run(main())
