# expects: A late coroutine gives the default, not 'late'
async def within(seconds, coroutine, default=None):
    return await coroutine
