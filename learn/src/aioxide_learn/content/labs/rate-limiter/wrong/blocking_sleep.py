# expects: time.sleep() stops the whole event loop
import time


class RateLimiter:
    def __init__(self, rate, per):
        self.pause = per / rate

    async def __aenter__(self):
        time.sleep(self.pause)

    async def __aexit__(self, *exc_info):
        pass
