# expects: ended as if it had finished: the CancelledError was swallowed
import asyncio


async def worker(connection):
    await connection.open()
    try:
        while True:
            await connection.send_heartbeat()
            await asyncio.sleep(1)
    except asyncio.CancelledError:
        pass
    finally:
        await connection.close()


async def stop(task):
    task.cancel()
    await asyncio.wait([task])
