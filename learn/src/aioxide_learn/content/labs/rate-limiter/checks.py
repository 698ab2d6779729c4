import asyncio

from aioxide_learn.labs.stage import checks


async def enter(stage, limiter, entries, hold=0.0):
    async with limiter:
        entries.append(stage.now())
        await asyncio.sleep(hold)


async def many(stage, limiter, count, hold=0.0):
    entries = []
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(enter(stage, limiter, entries, hold), name=f"caller-{number}")
    return entries


def in_a_window(entries, per):
    """The most entries in any window of `per` seconds."""
    return max(sum(0 <= other - entry < per - 1e-6 for other in entries) for entry in entries)


@checks("At most five in any second")
async def limited(program, stage):
    limiter = program.RateLimiter(5, per=1.0)
    entries = await stage.call(many(stage, limiter, 20))
    stage.require(
        in_a_window(entries, 1.0) <= 5,
        f"{in_a_window(entries, 1.0)} callers entered within one second, not 5 at most. "
        "A slot has to come back `per` seconds after the entry, not when the caller leaves.",
    )


@checks("Also across the border of two seconds")
async def sliding(program, stage):
    limiter = program.RateLimiter(5, per=1.0)
    entries = []
    await stage.call(enter(stage, limiter, entries))
    await asyncio.sleep(0.9)
    for _ in range(4):
        await stage.call(enter(stage, limiter, entries))
    await asyncio.sleep(0.15)
    entries += await stage.call(many(stage, limiter, 6))
    stage.require(
        in_a_window(entries, 1.0) <= 5,
        f"{in_a_window(entries, 1.0)} callers entered within one second: the count was set back "
        "at a fixed time. Each entry counts for `per` seconds of its own.",
    )


@checks("The first five at once, and no wait that is not needed")
async def fast(program, stage):
    limiter = program.RateLimiter(5, per=1.0)
    entries = await stage.call(many(stage, limiter, 12))
    stage.require(
        entries[:5] == [entries[0]] * 5,
        f"The first five may enter at once; they entered at {entries[:5]}. "
        "Do not spread them with a sleep between two entries.",
    )
    stage.require(
        entries[11] == 2,
        f"The twelfth caller may enter after 2 seconds; it entered after {entries[11]:g}.",
    )


@checks("Slow callers do not slow the others down")
async def slow_callers(program, stage):
    limiter = program.RateLimiter(5, per=1.0)
    entries = await stage.call(many(stage, limiter, 10, hold=30))
    stage.require(
        entries[9] == 1,
        f"With callers that take 30 seconds each, the tenth entered after {entries[9]:g} seconds "
        "instead of 1: this limits how many run at a time, not how many begin in a second.",
    )


@checks("Leaving takes no time, also after an error")
async def leaving(program, stage):
    limiter = program.RateLimiter(1, per=10.0)

    async def failing():
        async with limiter:
            raise LookupError

    before = stage.now()
    await stage.error_of(failing(), LookupError, "The error of the block was swallowed.")
    stage.require(
        stage.now() == before,
        f"Leaving the block took {stage.now() - before:g} seconds: the caller waits in __aexit__.",
    )
    entries = []
    await stage.call(enter(stage, limiter, entries))
    stage.require(
        entries[0] == before + 10,
        f"After an error the next caller entered at {entries[0]:g}, not at {before + 10:g}.",
    )


@checks("Who gives up waiting costs nothing")
async def given_up(program, stage):
    limiter = program.RateLimiter(2, per=1.0)
    await stage.call(many(stage, limiter, 2))
    waiting = [stage.start(enter(stage, limiter, []), name=f"gives-up-{n}") for n in range(4)]
    await asyncio.sleep(0.5)
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    entries = await stage.call(many(stage, limiter, 4))
    stage.require(
        entries == [1, 1, 2, 2],
        f"After four waiting callers were cancelled, the next entered at {entries}, "
        "not at [1, 1, 2, 2].",
    )
