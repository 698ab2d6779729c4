import asyncio


class RateLimiter:
    """At most `rate` entries in any `per` seconds."""

    def __init__(self, rate, per):
        self.rate, self.per = rate, per

    async def __aenter__(self):
        pass  # Your code.

    async def __aexit__(self, *exc_info):
        pass


async def main():
    limiter = RateLimiter(5, per=1.0)
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def request(number):
        async with limiter:
            print(f"{loop.time() - began:4.1f} request {number}")

    await asyncio.gather(*(request(number) for number in range(12)))


if __name__ == "__main__":
    asyncio.run(main())
