import asyncio


async def worker(connection):
    """Send a heartbeat each second until cancelled; close the connection at the end."""
    await connection.open()
    try:
        while True:
            await connection.send_heartbeat()
            await asyncio.sleep(1)
    finally:
        await connection.close()


async def stop(task):
    """Cancel the task and return when it has ended."""
    task.cancel()
    # `wait` neither raises what the task raised nor confuses its cancellation with ours.
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()  # seen, so that nobody is warned about it


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
