"""A chat server: what one says, all others hear."""

import asyncio
import contextlib
import sys


class Room:
    def __init__(self):
        self.members = {}  # by name: to whom what is said goes

    def say(self, speaker, text):
        for name, member in self.members.items():
            if name != speaker:
                member.put_nowait(text)

    async def serve(self, reader, writer):
        name = (await reader.readline()).decode().strip()
        queue = asyncio.Queue()
        # One that reads slowly holds up nobody else.
        writing = asyncio.create_task(self.write(queue, writer))
        if not name:
            pass
        elif name in self.members:
            queue.put_nowait(f"{name} is taken")
        else:
            queue.put_nowait(f"welcome, {name}")
            self.say(name, f"{name} is here")
            self.members[name] = queue
            with contextlib.suppress(ConnectionError):
                while line := await reader.readline():
                    self.say(name, f"{name}: {line.decode().strip()}")
            del self.members[name]
            self.say(name, f"{name} has left")
        queue.put_nowait(None)
        await writing  # Until all is written.

    async def write(self, queue, writer):
        with contextlib.suppress(ConnectionError):
            while (line := await queue.get()) is not None:
                writer.write(f"{line}\n".encode())
                await writer.drain()
            writer.close()
            await writer.wait_closed()


class Client:
    def __init__(self, name, reader, writer):
        self.name, self.reader, self.writer = name, reader, writer

    @classmethod
    async def enter(cls, name, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        client = cls(name, reader, writer)
        client.say(name)
        return client

    def say(self, text):
        self.writer.write(f"{text}\n".encode())

    async def hear(self):
        line = (await self.reader.readline()).decode().strip()
        print(f"{self.name} hears: {line or 'nothing more'}")


async def converse(port):
    ada = await Client.enter("ada", port)
    await ada.hear()
    bob = await Client.enter("bob", port)
    await bob.hear()
    await ada.hear()
    ada.say("hello")
    await bob.hear()
    bob.say("hello, ada")
    await ada.hear()
    other = await Client.enter("bob", port)
    await other.hear()
    await other.hear()
    bob.writer.close()
    await ada.hear()
    ada.writer.close()
    other.writer.close()


async def main():
    room = Room()
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    server = await asyncio.start_server(room.serve, "127.0.0.1", port)
    if port:
        print(f"listening at 127.0.0.1:{port}")
        await server.serve_forever()
    await converse(server.sockets[0].getsockname()[1])
    server.close()


asyncio.run(main())
