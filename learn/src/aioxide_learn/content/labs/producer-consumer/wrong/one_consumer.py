# expects: with 3 consumers it is 3
async def process(source, handle, consumers=3, room=5):
    count = 0
    async for item in source:
        await handle(item)
        count += 1
    return count
