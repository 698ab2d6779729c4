# expects: ran one after the other
async def run_all(work, count=50, limit=5):
    return [await work(number) for number in range(count)]
