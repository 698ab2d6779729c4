# expects: cancel() only asks
import asyncio


async def worker(connection):
    await connection.open()
    try:
        while True:
            await connection.send_heartbeat()
            await asyncio.sleep(1)
    finally:
        await connection.close()


async def stop(task):
    task.cancel()
