# expects: time.sleep() stops the whole event loop
import asyncio
import time


class Timer:
    def __init__(self, interval, callback):
        self.interval, self.callback = interval, callback

    async def _run(self):
        while True:
            time.sleep(self.interval)
            await self.callback()

    async def __aenter__(self):
        self._task = asyncio.create_task(self._run())

    async def __aexit__(self, kind, error, traceback):
        self._task.cancel()
        await asyncio.wait([self._task])
