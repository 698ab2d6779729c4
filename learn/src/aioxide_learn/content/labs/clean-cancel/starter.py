import asyncio


async def worker(connection):
    """Send a heartbeat each second until cancelled; close the connection at the end."""
    # Your code.


async def stop(task):
    """Cancel the task and return when it has ended."""
    # Your code.


class Connection:
    async def open(self):
        await asyncio.sleep(0.1)
        print("open")

    async def send_heartbeat(self):
        print("heartbeat")

    async def close(self):
        await asyncio.sleep(0.1)
        print("closed")


async def main():
    task = asyncio.create_task(worker(Connection()))
    await asyncio.sleep(2.5)
    await stop(task)
    print("stopped, cancelled:", task.cancelled())


if __name__ == "__main__":
    asyncio.run(main())
