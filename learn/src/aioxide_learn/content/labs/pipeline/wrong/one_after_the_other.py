# expects: went through the stages one after the other
from contextlib import aclosing


async def run(source, stages, *, room=3):
    results = []
    async with aclosing(source):
        async for item in source:
            for stage in stages:
                item = await stage(item)
            results.append(item)
    return results
