"""A task catches ``CancelledError`` and goes on: whoever cancelled it waits in vain.

In the picture: the request to cancel, a red mark, and a worker that goes on behind it.
"""

import asyncio
import contextlib


async def worker(stop):
    while not stop.is_set():
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            pass  # the fault: the cancellation ends here; `raise` is missing


async def main():
    stop = asyncio.Event()
    task = asyncio.create_task(worker(stop), name="worker")
    await asyncio.sleep(0.12)
    task.cancel()
    done, pending = await asyncio.wait([task], timeout=0.3)
    print(f"cancelled: {len(done)}, still running: {len(pending)}")
    stop.set()
    with contextlib.suppress(asyncio.CancelledError):
        await task


asyncio.run(main())
