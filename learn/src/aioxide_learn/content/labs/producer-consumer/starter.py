import asyncio


async def process(source, handle, consumers=3, room=5):
    """Handle every item of `source` with so many consumers; return how many there were."""
    # Your code.


async def numbers():
    for number in range(20):
        print("produced", number)
        yield number


async def handle(number):
    await asyncio.sleep(0.3)
    print("handled", number)


async def main():
    print(await process(numbers(), handle))


if __name__ == "__main__":
    asyncio.run(main())
