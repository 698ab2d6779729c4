"""A timer that ticks, and never drifts: it sleeps until points of time, not for spans."""

import asyncio

PERIOD = 0.05


async def tick(times):
    loop = asyncio.get_running_loop()
    next_tick = loop.time()
    for number in range(1, times + 1):
        next_tick += PERIOD
        await asyncio.sleep(next_tick - loop.time())
        print(f"tick {number}")
        await asyncio.sleep(PERIOD / 5)  # The work does not shift the next tick.
    return times


async def main():
    loop = asyncio.get_running_loop()
    begin = loop.time()
    timer = asyncio.create_task(tick(4))
    print("the timer is running")
    ticks = await timer
    drifted = loop.time() - begin < PERIOD * ticks
    print(f"{ticks} ticks, drifted: {'true' if drifted else 'false'}")


asyncio.run(main())
