# expects: The sender does not get its own line
import asyncio


class ChatServer:
    def __init__(self):
        self.clients = {}
        self.tasks = set()

    async def start(self, host, port):
        self.server = await asyncio.start_server(self.serve, host, port)
        return self.server.sockets[0].getsockname()[1]

    async def stop(self):
        self.server.close()
        for task in self.tasks:
            task.cancel()
        if self.tasks:
            await asyncio.wait(self.tasks)

    async def tell(self, line, but=None):
        for writer in list(self.clients):
            if writer is not None:
                writer.write(line.encode() + b"\n")

    async def serve(self, reader, writer):
        self.tasks.add(asyncio.current_task())
        try:
            await self.talk(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self.tasks.discard(asyncio.current_task())

    async def talk(self, reader, writer):
        name = (await reader.readline()).decode().strip()
        if not name:
            return
        self.clients[writer] = name
        await self.tell(f"* {name} joined")
        try:
            while line := await reader.readline():
                await self.tell(f"{name}: {line.decode().rstrip()}", but=writer)
        finally:
            del self.clients[writer]
            await self.tell(f"* {name} left")
