# expects: nothing was raised at the end of the block
import asyncio
import math


class Timer:
    def __init__(self, interval, callback):
        self.interval, self.callback = interval, callback

    async def _run(self, began):
        loop = asyncio.get_running_loop()
        tick = 0
        while True:
            passed = round((loop.time() - began) / self.interval, 6)
            tick = max(tick + 1, math.ceil(passed))
            await asyncio.sleep(began + tick * self.interval - loop.time())
            await self.callback()

    async def __aenter__(self):
        self._task = asyncio.create_task(self._run(asyncio.get_running_loop().time()))

    async def __aexit__(self, kind, error, traceback):
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
