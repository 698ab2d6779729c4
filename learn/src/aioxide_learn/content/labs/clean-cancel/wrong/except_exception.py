# expects: `except Exception` does not see a CancelledError
import asyncio


async def worker(connection):
    await connection.open()
    try:
        while True:
            await connection.send_heartbeat()
            await asyncio.sleep(1)
    except Exception:
        await connection.close()
        raise


async def stop(task):
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()
