"""A coroutine calls ``time.sleep``: while it sleeps, no other task runs.

In the picture: one green bar of 300 ms, during which no heartbeat has a step.
"""

import asyncio
import time

PAUSE = 0.02


async def heartbeat(latest):
    """Beat every 20 ms; note the longest time between two beats."""
    before = time.monotonic()
    while True:
        await asyncio.sleep(PAUSE)
        now = time.monotonic()
        latest["gap"] = max(latest["gap"], now - before)
        before = now


async def handle_request():
    await asyncio.sleep(0.1)
    time.sleep(0.3)  # the fault: asyncio.sleep() is meant
    return "answer"


async def main():
    latest = {"gap": 0}
    beats = [asyncio.create_task(heartbeat(latest), name=f"heartbeat {n}") for n in range(4)]
    request = asyncio.create_task(handle_request(), name="request")
    await request
    await asyncio.sleep(0.1)
    for beat in beats:
        beat.cancel()
    await asyncio.gather(*beats, return_exceptions=True)
    print("the heart stood still for 0.3 s:", latest["gap"] >= 0.3)


asyncio.run(main())
