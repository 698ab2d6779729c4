"""Two greetings, one after the other and then at once, with the time of each line."""

import asyncio
import time

TENTH = 0.1


async def say(start, delay, what):
    await asyncio.sleep(delay)
    print(f"[{time.monotonic() - start:.2f} s] {what}")


async def main():
    start = time.monotonic()
    await say(start, TENTH, "hello")
    await say(start, TENTH * 2, "world")

    start = time.monotonic()
    await asyncio.gather(
        say(start, TENTH * 2, "together: world"), say(start, TENTH, "together: hello")
    )


asyncio.run(main())
