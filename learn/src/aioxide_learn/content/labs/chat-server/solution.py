import asyncio

#: The lines that are kept for a client which does not read.
MOST = 1000


class Client:
    """A connection, and the lines that wait to be sent over it."""

    def __init__(self, name, writer):
        self.name, self.writer = name, writer
        self.lines = asyncio.Queue(MOST)

    def send(self, line):
        try:
            self.lines.put_nowait(line)
        except asyncio.QueueFull:
            self.writer.transport.abort()

    async def write_lines(self):
        try:
            while True:
                self.writer.write((await self.lines.get() + "\n").encode())
                await self.writer.drain()
        except ConnectionError:
            pass  # the reading side sees the end too


class ChatServer:
    """Passes each line that a client sends to all other clients."""

    def __init__(self):
        self.clients = set()
        self.tasks = set()

    async def start(self, host, port):
        """Listen; return the port."""
        self.server = await asyncio.start_server(self.serve, host, port)
        return self.server.sockets[0].getsockname()[1]

    async def stop(self):
        """Close everything and wait for its end."""
        self.server.close()
        for task in self.tasks:
            task.cancel()
        if self.tasks:
            await asyncio.wait(self.tasks)

    def tell(self, line, but=None):
        for client in self.clients:
            if client is not but:
                client.send(line)

    async def serve(self, reader, writer):
        task = asyncio.current_task()
        self.tasks.add(task)
        try:
            await self.talk(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass  # the client has gone, or the server stops
        finally:
            writer.close()
            self.tasks.discard(task)

    async def talk(self, reader, writer):
        name = (await reader.readline()).decode(errors="replace").rstrip("\r\n")
        if not name:
            return
        client = Client(name, writer)
        self.clients.add(client)
        self.tell(f"* {name} joined")
        sending = asyncio.create_task(client.write_lines())
        try:
            while line := await reader.readline():
                self.tell(f"{name}: {line.decode(errors='replace').rstrip()}", but=client)
        finally:
            self.clients.discard(client)
            self.tell(f"* {name} left")
            sending.cancel()
            await asyncio.wait([sending])


async def main():
    server = ChatServer()
    print("listening on port", await server.start("127.0.0.1", 0))
    try:
        await asyncio.Event().wait()
    finally:
        await server.stop()


if __name__ == "__main__":
    asyncio.run(main())
