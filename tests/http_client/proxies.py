"""Proxies on the loop of the test: they connect where they are asked to, and note it."""

import asyncio
import contextlib
import ipaddress

from .servers import Listener


async def pump(reader, writer):
    """Copies one direction of a tunnel to its end."""
    with contextlib.suppress(ConnectionError, asyncio.CancelledError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(Exception):
        writer.transport.abort()


class Tunnelling(Listener):
    """What proxies of both kinds do once they have connected."""

    def __init__(self, tls=None):
        super().__init__(tls)
        self.asked = []  # (host, port) of each tunnel
        self.inner = []

    async def tunnel(self, connection, host, port):
        """Joins the client's connection with one to the host."""
        reader, writer = await asyncio.open_connection(host, port)
        self.inner.append(writer)
        try:
            await asyncio.gather(pump(connection.reader, writer), pump(reader, connection.writer))
        finally:
            writer.transport.abort()

    async def stop(self):
        """Closes the connections to the hosts as well."""
        for writer in self.inner:
            writer.transport.abort()
        await super().stop()


class HttpProxy(Tunnelling):
    """Forwards requests for whole URLs, and makes tunnels for CONNECT.

    refusal: bytes that answer every CONNECT, instead of a tunnel.
    requests: what it was asked.
    """

    def __init__(self, tls=None):
        super().__init__(tls)
        self.refusal = None
        self.requests = []

    @property
    def url(self):
        """Its URL."""
        return f"{'https' if self.tls else 'http'}://localhost:{self.port}"

    async def serve(self, connection):
        """Serves one client."""
        while (request := await self.read_head(connection)) is not None:
            self.requests.append(request)
            if request.method == "CONNECT":
                if self.refusal is not None:
                    connection.writer.write(self.refusal)
                    await connection.writer.drain()
                    await connection.reader.read()
                    return
                host, _, port = request.target.rpartition(":")
                self.asked.append((host.strip("[]"), int(port)))
                connection.writer.write(b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n")
                await self.tunnel(connection, host.strip("[]"), int(port))
                return
            await self.read_body(connection, request)
            body = f"forwarded {request.method} {request.target}\n".encode() + request.body
            connection.writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
            )


class SocksProxy(Tunnelling):
    """SOCKS5.

    auth: (user, password) that a client must give, or None.
    reply: the status of its reply to each request; 0 connects.
    piecemeal: send every reply byte by byte.
    """

    def __init__(self):
        super().__init__()
        self.auth = None
        self.reply = 0
        self.piecemeal = False

    async def serve(self, connection):
        """Serves one client."""
        reader = connection.reader
        assert await reader.readexactly(1) == b"\x05"
        methods = await reader.readexactly((await reader.readexactly(1))[0])
        wanted = 0 if self.auth is None else 2
        if wanted not in methods:
            await self.send(connection, b"\x05\xff")
            return
        await self.send(connection, bytes((5, wanted)))
        if self.auth is not None:
            assert await reader.readexactly(1) == b"\x01"
            given = []
            for _ in range(2):
                given.append(await reader.readexactly((await reader.readexactly(1))[0]))
            good = tuple(given) == self.auth
            await self.send(connection, bytes((1, not good)))
            if not good:
                return
        assert await reader.readexactly(3) == b"\x05\x01\x00"
        kind = (await reader.readexactly(1))[0]
        if kind == 3:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        else:
            size = {1: 4, 4: 16}[kind]
            host = str(ipaddress.ip_address(await reader.readexactly(size)))
        port = int.from_bytes(await reader.readexactly(2), "big")
        self.asked.append((host, port))
        await self.send(connection, bytes((5, self.reply, 0, 1)) + bytes(6))
        if not self.reply:
            await self.tunnel(connection, host, port)

    async def send(self, connection, data):
        """Sends a reply."""
        pieces = [data[at : at + 1] for at in range(len(data))] if self.piecemeal else [data]
        for piece in pieces:
            connection.writer.write(piece)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
