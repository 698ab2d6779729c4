# expects: the count was set back at a fixed time
import asyncio


class RateLimiter:
    def __init__(self, rate, per):
        self.rate, self.per = rate, per
        self.window, self.count = None, 0
        self.lock = asyncio.Lock()

    async def __aenter__(self):
        loop = asyncio.get_running_loop()
        async with self.lock:
            while True:
                now = loop.time()
                if self.window is None or now >= self.window + self.per:
                    self.window, self.count = now, 0
                if self.count < self.rate:
                    self.count += 1
                    return
                await asyncio.sleep(self.window + self.per - now)

    async def __aexit__(self, *exc_info):
        pass
