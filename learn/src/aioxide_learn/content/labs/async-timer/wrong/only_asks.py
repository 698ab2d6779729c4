# expects: cancel the timer's task and wait for its end
import asyncio


class Timer:
    def __init__(self, interval, callback):
        self.interval, self.callback = interval, callback

    async def _run(self, began):
        loop = asyncio.get_running_loop()
        tick = 1
        while True:
            await asyncio.sleep(began + tick * self.interval - loop.time())
            await self.callback()
            tick += 1

    async def __aenter__(self):
        self._task = asyncio.create_task(self._run(asyncio.get_running_loop().time()))

    async def __aexit__(self, kind, error, traceback):
        self._task.cancel()
