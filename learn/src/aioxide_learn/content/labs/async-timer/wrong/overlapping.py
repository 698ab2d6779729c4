# expects: do not start a task for each tick
import asyncio


class Timer:
    def __init__(self, interval, callback):
        self.interval, self.callback = interval, callback
        self._calls = []

    async def _run(self):
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += self.interval
            await asyncio.sleep(due - loop.time())
            self._calls.append(asyncio.create_task(self.callback()))

    async def __aenter__(self):
        self._task = asyncio.create_task(self._run())

    async def __aexit__(self, kind, error, traceback):
        tasks = [self._task, *self._calls]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
