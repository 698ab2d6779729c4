"""Plays a server of Redis: some commands, and channels. Or starts a real one."""

import asyncio
import contextlib
import shutil
import socket
import tempfile


class Server:
    """Keeps keys in memory. ``async with Server(piecemeal=True)`` sends each byte by itself."""

    def __init__(self, *, piecemeal=False):
        self.piecemeal = piecemeal
        self.keys = {}
        self.channels = {}
        self.writers = set()

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error):
        self.server.close()
        self.drop()
        await self.server.wait_closed()

    def drop(self):
        """Ends all connections."""
        for writer in self.writers:
            writer.transport.abort()

    async def serve(self, reader, writer):
        self.writers.add(writer)
        try:
            while True:
                command = await self.read(reader)
                await self.send(writer, self.answer(command, writer))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.writers.discard(writer)
            for listeners in self.channels.values():
                listeners.discard(writer)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def read(self, reader):
        count = int((await reader.readuntil(b"\r\n"))[1:])
        command = []
        for _ in range(count):
            length = int((await reader.readuntil(b"\r\n"))[1:])
            command.append((await reader.readexactly(length + 2))[:-2])
        return command

    async def send(self, writer, data):
        if not self.piecemeal:
            writer.write(data)
            return
        for number in data:
            writer.write(bytes([number]))
            await asyncio.sleep(0)

    def answer(self, command, writer):
        match command:
            case [b"PING"]:
                return b"+PONG\r\n"
            case [b"SET", key, value]:
                self.keys[key] = value
                return b"+OK\r\n"
            case [b"GET", key]:
                return self.bulk(self.keys.get(key))
            case [b"INCR", key]:
                self.keys[key] = b"%d" % (int(self.keys.get(key, 0)) + 1)
                return b":%s\r\n" % self.keys[key]
            case [b"MGET", *keys]:
                values = [self.bulk(self.keys.get(key)) for key in keys]
                return b"*%d\r\n%s" % (len(values), b"".join(values))
            case [b"SUBSCRIBE", *channels]:
                for channel in channels:
                    self.channels.setdefault(channel, set()).add(writer)
                return b"".join(
                    b"*3\r\n$9\r\nsubscribe\r\n%s:%d\r\n" % (self.bulk(channel), number)
                    for number, channel in enumerate(channels, 1)
                )
            case [b"PUBLISH", channel, message]:
                listeners = self.channels.get(channel, ())
                for listener in listeners:
                    parts = b"$7\r\nmessage\r\n" + self.bulk(channel) + self.bulk(message)
                    listener.write(b"*3\r\n" + parts)
                return b":%d\r\n" % len(listeners)
        return b"-ERR unknown command '%s'\r\n" % command[0]

    @staticmethod
    def bulk(value):
        return b"$-1\r\n" if value is None else b"$%d\r\n%s\r\n" % (len(value), value)


@contextlib.asynccontextmanager
async def real():
    """The port of a Redis server that is started for it. None if there is none here."""
    command = shutil.which("redis-server")
    if command is None:
        yield None
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        process = await asyncio.create_subprocess_exec(
            command, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder,
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            while b"Ready to accept connections" not in (line := await process.stdout.readline()):
                if not line:
                    raise RuntimeError("redis-server did not start")
            yield port
        finally:
            process.kill()
            await process.communicate()
