# expects: calls Connection.close() and never awaits it
import asyncio


async def worker(connection):
    await connection.open()
    try:
        while True:
            await connection.send_heartbeat()
            await asyncio.sleep(1)
    finally:
        connection.close()


async def stop(task):
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()
