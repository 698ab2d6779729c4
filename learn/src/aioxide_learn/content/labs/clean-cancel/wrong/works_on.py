# expects: was cancelled and works on
import asyncio


async def worker(connection):
    await connection.open()
    while True:
        try:
            await connection.send_heartbeat()
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            continue


async def stop(task):
    task.cancel()
    await asyncio.wait([task])
