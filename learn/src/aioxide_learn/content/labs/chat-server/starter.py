import asyncio


class ChatServer:
    """Passes each line that a client sends to all other clients."""

    async def start(self, host, port):
        """Listen; return the port."""
        # Your code.

    async def stop(self):
        """Close everything and wait for its end."""


async def main():
    server = ChatServer()
    print("listening on port", await server.start("127.0.0.1", 0))
    try:
        await asyncio.Event().wait()
    finally:
        await server.stop()


if __name__ == "__main__":
    asyncio.run(main())
