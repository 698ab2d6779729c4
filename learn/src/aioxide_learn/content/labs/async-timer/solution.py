import asyncio


class Timer:
    """Await `callback()` every `interval` seconds while the block runs."""

    def __init__(self, interval, callback):
        self.interval, self.callback = interval, callback

    async def _run(self, began):
        loop = asyncio.get_running_loop()
        tick = 0
        while True:
            # The next tick that has not passed, counted from the beginning: no error adds up.
            passed = round((loop.time() - began) / self.interval, 6)
            tick = max(tick + 1, int(passed) + (passed != int(passed)))
            await asyncio.sleep(began + tick * self.interval - loop.time())
            await self.callback()

    async def __aenter__(self):
        began = asyncio.get_running_loop().time()
        self._task = asyncio.create_task(self._run(began), name="timer")
        return self

    async def __aexit__(self, kind, error, traceback):
        self._task.cancel()
        await asyncio.wait([self._task])
        if not self._task.cancelled():
            failure = self._task.exception()
            if error is None:
                raise failure


async def main():
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def tick():
        print(f"{loop.time() - began:.2f} tick")
        await asyncio.sleep(0.1)

    async with Timer(0.5, tick):
        await asyncio.sleep(2.2)


if __name__ == "__main__":
    asyncio.run(main())
