import asyncio


class Timer:
    """Await `callback()` every `interval` seconds while the block runs."""

    def __init__(self, interval, callback):
        self.interval, self.callback = interval, callback

    async def __aenter__(self):
        # Your code.
        return self

    async def __aexit__(self, kind, error, traceback):
        pass


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
